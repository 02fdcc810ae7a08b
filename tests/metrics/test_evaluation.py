"""All figures at once."""

import numpy as np
import pytest

from cv_tf.grouping import average_linkage, build_dendrograms, calibrate
from cv_tf.metrics import evaluate_embeddings, grouping_figures, retrieval_figures

METRICS_JSON = {
    *("recall_at_1", "recall_at_5", "recall_at_10", "recall_at_1_in_block"),
    *("map_at_r", "map_at_r_in_block", "cgacc", "ari", "fms", "nmi"),
    *("pairwise_precision", "pairwise_recall", "pairwise_f1", "threshold"),
}


def _catalog(num_products, seed):
    """Noisy products of styles that another seed shares none of."""
    rng = np.random.default_rng(seed)
    styles = rng.integers(0, num_products // 3, num_products)
    embeddings = rng.standard_normal((num_products, 16))[styles]
    embeddings = embeddings + 0.5 * rng.standard_normal((num_products, 16))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype(np.float32), styles, styles % 3


def test_holds_the_figures_of_both_kinds_and_the_threshold():
    embeddings, styles, blocks = _catalog(90, seed=0)
    figures = evaluate_embeddings(embeddings, styles, blocks, threshold=0.6)
    expected = retrieval_figures(embeddings, styles, blocks)
    expected |= grouping_figures(average_linkage(embeddings, blocks, 0.6), styles)
    assert figures == expected | {"threshold": 0.6}
    assert figures.keys() >= METRICS_JSON


def test_a_threshold_of_other_products_comes_near_the_best():
    embeddings, styles, blocks = _catalog(120, seed=1)
    best = calibrate(build_dendrograms(embeddings, blocks), styles).curve["f1"].max()
    others, other_styles, other_blocks = _catalog(600, seed=2)
    dendrograms = build_dendrograms(others, other_blocks)
    threshold = calibrate(dendrograms, other_styles, num_products=120).threshold
    figures = evaluate_embeddings(embeddings, styles, blocks, threshold)
    assert 0.9 * best < figures["pairwise_f1"] <= best


def test_identical_embeddings_are_evaluated_like_any():
    embeddings = np.tile(np.array([0.6, 0.8], np.float32), (6, 1))
    styles, blocks = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 0, 1, 1, 1])
    figures = evaluate_embeddings(embeddings, styles, blocks, threshold=0.5)
    assert figures["num_groups_predicted"] == 2
    assert figures["pairwise_precision"] == pytest.approx(2 / 6)
    assert figures["pairwise_recall"] == pytest.approx(2 / 3)
