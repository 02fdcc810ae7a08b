"""Recall and mAP@R: hand-worked and against plain loops."""

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.config import EvaluationSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import ranking_weights
from cv_tf.metrics import figures_among_all, retrieval, retrieval_figures
from cv_tf.metrics.retrieval import is_variant
from cv_tf.retrieval import NearestLists, look_again, nearest, rank

# Degrees, chosen so that no two differences at a product are equal.
DEGREES = (0, 4, 9, 20, 22)
STYLES = np.array([0, 0, 1, 1, 0])


def _random(num_products=80, dim=4, seed=0):
    rng = np.random.default_rng(seed)
    embeddings = rng.standard_normal((num_products, dim)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    styles, blocks = (
        rng.integers(-1, 20, num_products),
        rng.integers(0, 3, num_products),
    )
    return embeddings, styles, blocks


def _figures(vectors, styles, blocks=None, lab=None, **settings):
    labelled = Embeddings.of_arrays(vectors, blocks, lab, styles)
    return retrieval_figures(labelled, EvaluationSettings(**settings))


def _by_loops(embeddings, styles, blocks):
    """The figures of one search, a query at a time."""
    recalls, precisions = {1: [], 5: [], 10: []}, []
    for i, style in enumerate(styles):
        num_variants = sum(s == style for s in styles) - 1
        if style < 0 or num_variants == 0:
            continue
        others = [j for j in range(len(styles)) if j != i and blocks[j] == blocks[i]]
        others.sort(key=lambda j: -float(embeddings[i] @ embeddings[j]))
        hits = [bool(styles[j] == style) for j in others]
        for k, values in recalls.items():
            values.append(any(hits[:k]))
        average = 0.0
        for place in range(1, num_variants + 1):
            if place <= len(hits) and hits[place - 1]:
                average += sum(hits[:place]) / place
        precisions.append(average / num_variants)
    figures = {f"recall_at_{k}": np.mean(values) for k, values in recalls.items()}
    return figures | {"map_at_r": np.mean(precisions)}


def test_worked_by_hand():
    # Variants among the first neighbors of each product, nearest first:
    #   everywhere         AP@R       in blocks 0 0 1 1 1   AP@R
    # 0 yes no  no  yes    1/2 of 1   yes                   1/2 of 1
    # 1 yes no  no  yes    1/2 of 1   yes                   1/2 of 1
    # 2 no  no  yes no     0          yes no                1
    # 3 no  yes no  no     0          no  yes               0
    # 4 no  no  yes yes    0          no  no                0
    figures = _figures(at_degrees(*DEGREES), STYLES, np.array([0, 0, 1, 1, 1]))
    assert figures == pytest.approx(
        {
            "recall_at_1": 2 / 5,
            "recall_at_5": 1,
            "recall_at_10": 1,
            "map_at_r": 1 / 5,
            "recall_at_1_in_block": 3 / 5,
            "recall_at_5_in_block": 4 / 5,
            "recall_at_10_in_block": 4 / 5,
            "map_at_r_in_block": 2 / 5,
            # Among so few, all are neighbors of each other: a second look says nothing.
            "recall_at_1_in_block_as_searched": 3 / 5,
            "recall_at_5_in_block_as_searched": 4 / 5,
            "recall_at_10_in_block_as_searched": 4 / 5,
            "map_at_r_in_block_as_searched": 2 / 5,
            "num_queries": 5,
        }
    )


def test_with_color_worked_by_hand():
    # Two designs in black and white, 20 degrees between the colors of one, 10
    # between neighbors of two. Without color, each takes a stranger for a variant.
    # With it, 0 finds 20 and 30 finds 10; 10 and 20 have one of another color nearer.
    embeddings = at_degrees(0, 20, 10, 30)
    styles = np.array([0, 0, 1, 1])
    black, white = [10, 0, 0], [95, 0, 0]
    lab = np.array([black, white, black, white], np.float32)
    figures = _figures(embeddings, styles, None, lab=lab)
    plain = _figures(embeddings, styles, None)
    of_vectors = {k: v for k, v in plain.items() if not k.endswith("_as_searched")}
    assert figures.items() >= of_vectors.items()
    assert (plain["recall_at_1"], plain["map_at_r"]) == (0, 0)
    for suffix in ("_with_color", "_in_block_with_color", "_in_block_as_searched"):
        assert figures[f"recall_at_1{suffix}"] == 0.5
        assert figures[f"map_at_r{suffix}"] == 0.5
    alike = _figures(embeddings, styles, None, lab=np.full((4, 3), np.nan))
    assert alike["recall_at_1_with_color"] == 0


def test_other_products_are_candidates_but_never_queries():
    # One of unknown style at 2 degrees is nearest to products 0 and 1 and pushes their
    # variant to rank 2; one of a style of its own at 60 degrees is near nobody.
    embeddings = at_degrees(*DEGREES, 2, 60)
    figures = _figures(embeddings, np.append(STYLES, [-1, 7]))
    assert figures["num_queries"] == 5
    assert figures["recall_at_1"] == 0
    assert figures["map_at_r"] == pytest.approx((1 / 4 + 1 / 4) / 5)


def test_two_unknown_styles_are_not_variants():
    figures = _figures(at_degrees(0, 1, 40, 80), np.array([-1, -1, 3, 3]))
    assert figures["num_queries"] == 2


@pytest.mark.parametrize("retrieval", ["auto", "exact"])
def test_equals_plain_loops(retrieval):
    embeddings, styles, blocks = _random()
    figures = _figures(embeddings, styles, blocks, retrieval=retrieval)
    everywhere = _by_loops(embeddings, styles, np.zeros(80))
    in_block = _by_loops(embeddings, styles, blocks)
    for name in everywhere:
        assert figures[name] == pytest.approx(everywhere[name]), name
        assert figures[f"{name}_in_block"] == pytest.approx(in_block[name]), name


def test_styles_of_more_than_ten_products_count_in_full():
    embeddings, _, blocks = _random()
    styles = np.arange(80) % 3
    figures = _figures(embeddings, styles, blocks)
    expected = _by_loops(embeddings, styles, np.zeros(80))["map_at_r"]
    assert 0 < figures["map_at_r"] == pytest.approx(expected)


def test_as_searched_is_what_a_search_finds_without_colors():
    embeddings, _, _ = _random(200, dim=16)
    embeddings += 0.6 * np.repeat(embeddings[:100], 2, axis=0)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    styles = np.arange(200) // 2
    figures = _figures(embeddings, styles)
    products = Embeddings.of_arrays(embeddings)
    weights = ranking_weights(products, EvaluationSettings())
    found = nearest(embeddings, 100)
    found = rank(found, None, None, weights.color)
    lists = NearestLists(products, weights.color)
    found = look_again(found, np.arange(200), lists, weights.shared)
    right = is_variant(found, styles, np.arange(200))
    for depth in (1, 5, 10):
        expected = right[:, :depth].any(axis=1).mean()
        assert figures[f"recall_at_{depth}_in_block_as_searched"] == expected


class TestAmongAll:
    OWN = Embeddings.of_arrays(
        at_degrees(0, 10), lab=np.zeros((2, 3)), style=np.array([0, 0])
    )

    def figures(self, degrees, styles):
        lab = np.zeros((len(degrees), 3))
        known = Embeddings.of_arrays(at_degrees(*degrees), None, lab, np.array(styles))
        settings = EvaluationSettings(color="off", second_look=False)
        return figures_among_all(self.OWN, known, settings).means()

    def test_strangers_and_variants_that_were_learned_from(self):
        figures = self.figures([3, 50], [-1, 0])
        # A stranger is nearest to both; of two variants each finds one, at rank 2.
        assert figures["recall_at_1_in_block_among_all"] == 0
        assert figures["map_at_r_in_block_among_all"] == 1 / 4

    def test_copies_of_a_photo_are_no_variants(self):
        figures = self.figures([0, 6, 6], [0, -1, -1])
        # Of the first product, its copy is not found, but the stranger, once.
        assert figures["recall_at_1_in_block_among_all"] == 0
        assert figures == self.figures([6], [-1])

    def test_a_large_style_of_others_asks_for_no_more_neighbors(self, monkeypatch):
        asked = []

        def watch(vectors, k, *others):
            asked.append(k)
            return nearest(vectors, k, *others)

        monkeypatch.setattr(retrieval, "nearest", watch)
        self.figures(np.linspace(20, 300, 200), [5] * 200)
        assert asked == [110]


def test_order_of_products_and_names_do_not_matter():
    embeddings, styles, blocks = _random()
    rng = np.random.default_rng(1)
    order = rng.permutation(80)
    renamed = np.where(styles < 0, -1, rng.permutation(500)[styles])
    shuffled = _figures(embeddings[order], renamed[order], 9 - blocks[order])
    assert shuffled == pytest.approx(_figures(embeddings, styles, blocks))


def test_without_blocks_both_searches_agree():
    embeddings, styles, _ = _random()
    figures = _figures(embeddings, styles)
    for name in ("recall_at_1", "recall_at_5", "recall_at_10", "map_at_r"):
        assert figures[name] == figures[f"{name}_in_block"]


def test_alone_in_its_block_nothing_is_found():
    figures = _figures(at_degrees(0, 1), np.array([0, 0]), np.array([0, 1]))
    assert figures["recall_at_1"] == figures["map_at_r"] == 1
    assert figures["recall_at_10_in_block"] == figures["map_at_r_in_block"] == 0


def test_collapsed_embeddings_are_no_better_than_chance():
    styles = np.arange(600) // 3
    embeddings = np.tile(np.array([0.6, 0.8], np.float32), (600, 1))
    assert _figures(embeddings, styles)["recall_at_1"] < 0.02


@pytest.mark.parametrize("styles", [[0, 1, 2], [-1, -1, 5]])
def test_refuses_styles_without_variants(styles):
    with pytest.raises(ValueError, match="No style has two products"):
        _figures(at_degrees(0, 1, 2), np.array(styles))


def test_refuses_styles_of_other_products():
    with pytest.raises(ValueError, match=r"\(2,\); expected \(3,\)"):
        _figures(at_degrees(0, 1, 2), np.array([0, 0]))


def test_refuses_embeddings_that_are_not_finite():
    embeddings = at_degrees(0, 1, 2)
    embeddings[1] = np.nan
    with pytest.raises(ValueError, match=r"NaN.*row 1"):
        _figures(embeddings, np.array([0, 0, 0]))
