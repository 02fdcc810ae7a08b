"""All figures at once."""

import numpy as np
import pytest

from cv_tf.config import EvaluationSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import calibrate_on, group
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
    vectors = embeddings.astype(np.float32)
    return Embeddings.of_arrays(vectors, styles % 3, style=styles)


def test_holds_the_figures_of_both_kinds_and_the_threshold():
    labelled = _catalog(90, seed=0)
    figures = evaluate_embeddings(labelled, threshold=0.6)
    expected = retrieval_figures(labelled)
    groups = group(labelled, 0.6)
    expected |= grouping_figures(groups, labelled.style)
    assert figures == expected | {"threshold": 0.6}
    assert figures.keys() >= METRICS_JSON


def test_a_threshold_of_other_products_comes_near_the_best():
    labelled, others = _catalog(120, seed=1), _catalog(600, seed=2)
    best = calibrate_on(labelled).expected.f1.estimate
    threshold = calibrate_on(others, for_blocks=labelled.block).threshold
    figures = evaluate_embeddings(labelled, threshold)
    assert 0.9 * best < figures["pairwise_f1"] <= best


def test_identical_embeddings_are_evaluated_like_any():
    embeddings = np.tile(np.array([0.6, 0.8], np.float32), (6, 1))
    styles, blocks = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 0, 1, 1, 1])
    labelled = Embeddings.of_arrays(embeddings, blocks, style=styles)
    figures = evaluate_embeddings(labelled, threshold=0.5)
    assert figures["num_groups_predicted"] == 2
    assert figures["pairwise_precision"] == pytest.approx(2 / 6)
    assert figures["pairwise_recall"] == pytest.approx(2 / 3)


def test_colors_part_products_that_look_alike():
    embeddings = np.tile(np.array([0.6, 0.8], np.float32), (4, 1))
    embeddings[2:] = [0.61, 0.7924]
    styles = np.array([0, 0, 1, 1])
    # Two designs, each in a dark and a light color.
    lab = np.array([[20, 0, 0], [80, 0, 0]] * 2, np.float32)
    lab[2:] += [[0, 40, 0]]
    settings = EvaluationSettings(color="0.5")
    plain = evaluate_embeddings(
        Embeddings.of_arrays(embeddings, style=styles), 0.9, settings
    )
    assert plain["num_groups_predicted"] == 1
    lab[2:] = lab[:2]
    labelled = Embeddings.of_arrays(embeddings, lab=lab, style=styles)
    colored = evaluate_embeddings(labelled, 0.9, settings)
    assert colored["num_groups_predicted"] == 2
    expected = retrieval_figures(labelled)
    assert colored.items() >= expected.items()
    assert colored.keys() - plain.keys() == expected.keys() - plain.keys() != set()
