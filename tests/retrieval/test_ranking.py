"""The ranking of neighbors, by color and by a second look: values worked by hand."""

import numpy as np
import pytest

from cv_tf.embeddings import Embeddings
from cv_tf.retrieval import (
    ExactIndex,
    NearestLists,
    Neighbors,
    Ranked,
    look_again,
    nearest,
    rank,
)

BLACK, NEARLY_BLACK, WHITE = [10.0, 0.0, 0.0], [10.0, 8.0, 0.0], [95.0, 0.0, 0.0]
UNKNOWN = [np.nan] * 3
# Log-odds of color from the very same one to one that is far off: -0.95 to 0.9.
RANGE = 1.85


class TestRank:
    # Rows 0 to 2 look ever less like the query; the first is of its color.
    FOUND = Neighbors(np.array([[0, 1, 2]]), np.array([[0.7, 0.6, 0.4]], np.float32))
    LAB = np.array([BLACK, WHITE, WHITE])

    def ranked(self, discount, k=3, asked=BLACK, lab=LAB):
        ranked = rank(self.FOUND, np.array([asked]), lab, discount / RANGE)
        return ranked.first(k)

    def test_a_lookalike_of_the_same_color_goes_back(self):
        found = self.ranked(0.2)
        assert found.indices.tolist() == [[1, 0, 2]]
        assert found.similarities[0] == pytest.approx([0.6, 0.7, 0.4])
        # There is no discount for colors that could hardly be further apart.
        assert found.scores[0] == pytest.approx([0.6, 0.5, 0.4])

    def test_by_no_more_than_the_discount(self):
        assert self.ranked(0.05).indices.tolist() == [[0, 1, 2]]
        assert self.ranked(0.5).indices.tolist() == [[1, 2, 0]]

    def test_a_color_that_is_nearly_the_same(self):
        # A distance of 8 is midway between 6 and 10, of -0.5 and -0.25, and so 1.275
        # below white's 0.9: 0.102 and 0.096 of a similarity that is 0.1 higher.
        lab = np.array([NEARLY_BLACK, WHITE, WHITE])
        assert self.ranked(0.08 * RANGE, lab=lab).indices.tolist() == [[1, 0, 2]]
        assert self.ranked(0.075 * RANGE, lab=lab).indices.tolist() == [[0, 1, 2]]

    def test_without_a_discount_or_a_color_nothing_moves(self):
        for found in (self.ranked(0.0), self.ranked(0.5, asked=UNKNOWN)):
            np.testing.assert_array_equal(found.indices, self.FOUND.indices)

    def test_no_more_than_are_wanted(self):
        assert self.ranked(0.2, k=1).indices.tolist() == [[1]]
        assert self.ranked(0.2, k=9).indices.shape == (1, 3)

    def test_places_left_empty_stay_last(self):
        found = Neighbors(np.array([[0, -1]]), np.array([[0.1, -np.inf]], np.float32))
        ranked = rank(found, np.array([BLACK]), self.LAB, 0.5)
        assert ranked.indices.tolist() == [[0, -1]]


def products(count, seed=0, with_color=True):
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(count, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lab = random.uniform(0, 60, (count, 3)).astype(np.float32)
    block = random.integers(0, 2, count).astype(np.int32)
    return Embeddings.of_arrays(vectors, block, lab if with_color else None)


def ranked_of(catalog, rows, color_weight):
    found = nearest(catalog.vectors, 30, catalog.block, "exact", rows)
    lab = catalog.lab
    return rank(found, None if lab is None else lab[rows], lab, color_weight)


class TestShares:
    @pytest.fixture
    def lists(self):
        # Mutual neighbors, with themselves: 0 and 1; 0 to 2; 1 to 3; 2 and 3.
        lists = NearestLists(products(4), 0.0)
        near = np.array([[1, 2], [0, 2], [1, 3], [2, -1]])
        lists.know(np.arange(4), near)
        return lists

    def test_worked_by_hand(self, lists):
        # Weights, in twelfths, each averaged with those of the nearest product:
        # 5 5 2 0; 5 5 2 0; 2 4 4 2; 0 2 5 5.
        first, second = np.array([0, 0, 0, 2]), np.array([1, 2, 3, 3])
        shares = lists.shares(first, second)
        assert shares == pytest.approx([1, 8 / 16, 4 / 20, 8 / 16])
        assert lists.shares(second, first) == pytest.approx(shares)

    def test_a_neighbor_that_shares_less_goes_back(self, lists):
        ranked = Ranked(*np.array([[[3, 1, 2]], [[0.6, 0.5, 0.4]], [[0.5, 0.45, 0.4]]]))
        ranked = ranked._replace(indices=ranked.indices.astype(np.int32))
        # Its nearest product is 3 now: its weights are 3 3 3 3, and the shares 1/2, 1/2
        # and 5/7.
        again = look_again(ranked, np.array([0]), lists, 0.5)
        assert again.indices.tolist() == [[2, 3, 1]]
        assert again.similarities[0] == pytest.approx([0.4, 0.6, 0.5])
        assert again.scores[0] == pytest.approx([0.4 - 1 / 7, 0.25, 0.2])

    def test_a_product_without_neighbors_shares_none(self):
        lists = NearestLists(products(3), 0.0)
        lists.know(np.arange(3), np.array([[-1], [2], [1]]))
        assert lists.shares(np.array([0, 1]), np.array([1, 2])).tolist() == [0, 1]


@pytest.mark.parametrize("with_color", [True, False])
def test_a_share_is_that_of_all_lists_whichever_rows_are_asked_for(with_color):
    catalog = products(60, with_color=with_color)
    pairs = np.random.default_rng(1).integers(0, 60, (2, 40))
    at_once = NearestLists(catalog, 0.1).shares(*pairs)
    singly = [NearestLists(catalog, 0.1).shares(*pair[:, None]) for pair in pairs.T]
    np.testing.assert_allclose(at_once, np.concatenate(singly), atol=1e-6)
    assert ((at_once >= 0) & (at_once <= 1 + 1e-6)).all()
    assert NearestLists(catalog, 0.1).shares(pairs[0], pairs[0]) == pytest.approx(1)


def test_a_photo_is_looked_at_as_if_it_were_a_product():
    catalog = products(50)
    catalog = Embeddings.of_arrays(catalog.vectors, None, catalog.lab)
    others, photo = catalog.select(np.arange(49)), 49
    rows = np.arange(49)
    expected = NearestLists(catalog, 0.1).shares(np.full(49, photo), rows)
    of_photo = (catalog.vectors[photo], catalog.lab[photo])
    lists = NearestLists(others, 0.1, photo=of_photo)
    row = np.array([photo])
    lists.know(row, ranked_of(catalog, row, 0.1).indices)
    np.testing.assert_allclose(
        lists.shares(np.full(49, photo), rows), expected, atol=1e-6
    )


def test_without_a_weight_nothing_moves():
    catalog, rows = products(40), np.arange(40)
    ranked = ranked_of(catalog, rows, 0.1)
    again = look_again(ranked, rows, NearestLists(catalog, 0.1), 0.0)
    np.testing.assert_array_equal(again.indices, ranked.indices)


def test_a_second_look_keeps_the_products_and_all_behind_the_first_twenty():
    catalog, rows = products(80), np.arange(80)
    ranked = ranked_of(catalog, rows, 0.1)
    again = look_again(ranked, rows, NearestLists(catalog, 0.1), 0.2)
    assert (again.indices != ranked.indices).any()
    np.testing.assert_array_equal(again.indices[:, 20:], ranked.indices[:, 20:])
    np.testing.assert_array_equal(
        np.sort(again.indices, axis=1), np.sort(ranked.indices, axis=1)
    )
    assert (np.diff(again.scores, axis=1)[again.indices[:, 1:] >= 0] <= 0).all()


def test_places_left_empty_stay_empty():
    catalog, rows = products(5), np.arange(5)
    ranked = ranked_of(catalog, rows, 0.1)
    again = look_again(ranked, rows, NearestLists(catalog, 0.1), 0.2)
    np.testing.assert_array_equal(again.indices < 0, ranked.indices < 0)


def test_a_photo_that_is_the_products_own_is_looked_at_as_the_product():
    catalog, row = products(60), np.array([3])
    weight, whole = 0.1, Embeddings.of_arrays(catalog.vectors, None, catalog.lab)
    others = nearest(whole.vectors, 59, None, "exact", row)
    of_photo = ExactIndex(whole.vectors).search(whole.vectors[row], 60)
    lists = [NearestLists(whole, weight) for _ in range(2)]
    for found, of in zip((others, of_photo), lists, strict=True):
        ranked = rank(found, whole.lab[row], whole.lab, weight)
        of.know(row, ranked.indices)
    rows = np.arange(60)
    shares = [of.shares(np.full(60, 3), rows) for of in lists]
    np.testing.assert_allclose(*shares, atol=1e-6)
