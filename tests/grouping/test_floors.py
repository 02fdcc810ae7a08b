"""The lowest similarity that makes a difference to groups: by hand."""

import numpy as np
import pytest

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Scale, find_neighbors, floors, groups
from cv_tf.grouping.floors import linking_floor, search_floor
from cv_tf.retrieval import Neighbors


@pytest.mark.parametrize(
    ("scale", "weight", "number", "expected"),
    [
        (Scale(), 0, 10, 0.2),
        (Scale(), 0, 100_000, 0.32),
        (Scale(0.5, 0.1), 0, 10, 0.5 + 0.3 * 0.5),
        (Scale(0.0, 0.1), 0.2, 10, 0.3 - 0.2 * 0.9),
    ],
)
def test_products_are_linked_down_to_it(scale, weight, number, expected):
    assert linking_floor(scale, weight, number) == pytest.approx(expected)


@pytest.fixture
def orthogonal(monkeypatch) -> Embeddings:
    """Products without anything in common, of which 20 are many."""
    monkeypatch.setattr(floors, "BRUTE_FORCE_BELOW", 20)
    return Embeddings.of_arrays(np.eye(30, dtype=np.float32))


def test_is_below_that_of_linking_by_a_margin(orthogonal):
    assert search_floor(orthogonal, GroupingSettings()) == pytest.approx(0.2 - 0.05)


def test_colors_may_make_up_for_some_of_it(orthogonal):
    known = Embeddings.of_arrays(orthogonal.vectors, lab=np.zeros((30, 3), np.float32))
    weight = Scale().usual_weight("auto")
    expected = 0.15 - 0.9 * weight
    found = search_floor(known, GroupingSettings())
    assert found == pytest.approx(expected)
    assert search_floor(known, GroupingSettings(color="off")) == pytest.approx(0.15)


@pytest.mark.parametrize(("threshold", "expected"), [(-0.3, -0.3), (0.9, 0.15)])
def test_a_threshold_that_is_known_is_not_passed_by(orthogonal, threshold, expected):
    found = search_floor(orthogonal, GroupingSettings(), threshold)
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("settings", [{"retrieval": "exact"}, {}])
def test_there_is_none_where_search_is_exact(settings, monkeypatch):
    monkeypatch.setattr(floors, "BRUTE_FORCE_BELOW", 30 if settings else 31)
    products = Embeddings.of_arrays(np.eye(30, dtype=np.float32))
    assert search_floor(products, GroupingSettings(**settings)) == -1


def test_products_without_a_neighbor_do_not_count(monkeypatch):
    """What a sample finds may be empty lists."""
    monkeypatch.setattr(floors, "BRUTE_FORCE_BELOW", 2)
    monkeypatch.setattr(floors, "nearest", lambda *_: Neighbors.none(3, 20))
    products = Embeddings.of_arrays(np.eye(3, dtype=np.float32))
    assert search_floor(products, GroupingSettings()) == pytest.approx(0.15)


@pytest.mark.parametrize(
    ("threshold", "of_group", "of_find_groups"), [(None, 0.15, 0.15), (0.9, 0.9, 0.15)]
)
def test_groups_are_searched_for_down_to_it(
    orthogonal, monkeypatch, threshold, of_group, of_find_groups
):
    given = []

    def record(embeddings, settings, floor):
        given.append(floor)
        return find_neighbors(embeddings, settings)

    monkeypatch.setattr(groups, "find_neighbors", record)
    groups.group(orthogonal, threshold)
    groups.find_groups(orthogonal, threshold=threshold)
    assert given == pytest.approx([of_group, of_find_groups])
