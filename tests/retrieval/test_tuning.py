"""The cheapest effort, of searches whose recall can be worked out."""

import numpy as np
import pytest

from cv_tf.retrieval import Effort, ExactIndex, Neighbors
from cv_tf.retrieval.tuning import cheapest_effort, recall_against, smallest, tune

MOST = Effort(leaves=64, reordered=1000)


@pytest.mark.parametrize("least", [3, 4, 5, 31, 99, 100])
def test_smallest_number_that_is_enough(least):
    assert smallest(lambda n: n >= least, 3, 100) == least


def test_no_number_is_enough():
    assert smallest(lambda n: False, 3, 100) is None


def _by_trying_all(enough, fewest, most, leaf_size):
    efforts = [
        Effort(leaves, reordered)
        for leaves in range(1, most.leaves + 1)
        for reordered in range(fewest, most.reordered + 1)
        if enough(Effort(leaves, reordered))
    ]
    return min(leaf_size * e.leaves + 50 * e.reordered for e in efforts)


def test_the_only_effort_that_is_enough():
    found = cheapest_effort(lambda effort: effort == MOST, 10, MOST, leaf_size=100)
    assert found == MOST


def test_the_least_effort_where_all_are_enough():
    found = cheapest_effort(lambda effort: True, 10, MOST, leaf_size=100)
    assert found == Effort(1, 10)


def test_no_effort_where_none_is_enough():
    assert cheapest_effort(lambda effort: False, 10, MOST, leaf_size=100) is None


def test_independent_needs_are_both_met_and_not_more():
    def enough(effort):
        return effort.leaves >= 37 and effort.reordered >= 123

    assert cheapest_effort(enough, 10, MOST, leaf_size=100) == Effort(37, 123)


# Leaves that cost little are many, those that cost much few.
@pytest.mark.parametrize("leaf_size", [1, 100, 10_000])
def test_hardly_dearer_than_the_cheapest_of_all(leaf_size):
    def enough(effort):
        return (1 - 0.5**effort.leaves) * (1 - 5 / effort.reordered) >= 0.95

    found = cheapest_effort(enough, 10, MOST, leaf_size)
    cost = leaf_size * found.leaves + 50 * found.reordered
    assert enough(found)
    assert cost <= 1.1 * _by_trying_all(enough, 10, MOST, leaf_size)


def test_recall_counts_equally_similar_products_as_found():
    exact = Neighbors(np.array([[4, 2], [1, 3]]), np.array([[0.9, 0.5], [0.8, 0.7]]))
    found = Neighbors(np.array([[4, 7], [3, -1]]), np.array([[0.9, 0.5], [0.7, -9]]))
    assert recall_against(found, exact).tolist() == [1.0, 0.5]


class _Halves:
    """Searches the first products only, half as many for each leaf left out of 4."""

    def __init__(self, products):
        self.products = products

    def __call__(self, effort, queries, k):
        kept = len(self.products) >> (4 - effort.leaves)
        return ExactIndex(self.products[:kept]).search(queries, k)


@pytest.mark.parametrize(
    ("recall", "leaves", "measured"), [(0.2, 2, 0.25), (0.4, 3, 0.5), (1, 4, 1)]
)
def test_recall_is_that_of_products_among_their_others(recall, leaves, measured):
    rng = np.random.default_rng(0)
    products = rng.standard_normal((1500, 16)).astype(np.float32)
    products /= np.linalg.norm(products, axis=1, keepdims=True)
    most = Effort(4, 1000)
    effort, found, reached = tune(_Halves(products), products, 10, recall, most)
    assert effort == Effort(leaves, 11)
    assert found == pytest.approx(measured, abs=0.02)
    assert reached


def test_what_cannot_be_reached_is_said_and_most_is_done():
    products = np.eye(8, dtype=np.float32).repeat(4, axis=0)

    def finds_nothing(effort, queries, k):
        return Neighbors.none(len(queries), k)

    most = Effort(4, 20)
    assert tune(finds_nothing, products, 3, 0.5, most) == (most, 0.0, False)


class TestFloor:
    """One of two neighbors is alike; the other ones are hard to find, and of no use."""

    @staticmethod
    def _pairs(number):
        """Pairs at a cosine of 0.8, otherwise orthogonal."""
        vectors = np.zeros((2 * number, 2 * number), np.float32)
        vectors[np.arange(0, 2 * number, 2), np.arange(0, 2 * number, 2)] = 1
        odd = np.arange(1, 2 * number, 2)
        vectors[odd, odd - 1], vectors[odd, odd] = 0.8, 0.6
        return vectors

    @staticmethod
    def _search(products):
        """With one leaf the best two are found, with two leaves all."""

        def search(effort, queries, k):
            found = ExactIndex(products).search(queries, k)
            if effort.leaves == 1:
                found.indices[:, 2:], found.similarities[:, 2:] = -1, -np.inf
            return found

        return search

    @pytest.mark.parametrize(
        ("floor", "leaves", "measured"), [(0.5, 1, 1), (0.79, 1, 1), (-1, 2, 1)]
    )
    def test_neighbors_below_it_do_not_count(self, floor, leaves, measured):
        products = self._pairs(100)
        most = Effort(2, 20)
        found = tune(self._search(products), products, 3, 0.95, most, floor)
        assert found == (Effort(leaves, 4), measured, True)

    def test_a_hundred_neighbors_count_in_any_case(self):
        """Of 50 pairs there are 100 neighbors at 0.8, of 40 only 80."""
        for number, leaves in ((50, 1), (40, 2)):
            products = self._pairs(number)
            found = tune(self._search(products), products, 3, 0.95, Effort(2, 20), 0.9)
            assert found[0].leaves == leaves
