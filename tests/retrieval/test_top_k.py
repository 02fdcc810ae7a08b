"""The largest values of rows, against a plain stable sort."""

import numpy as np
import pytest

from cv_tf.retrieval.exact import top_k

ANY = np.float32(-np.inf)


def _above(values, bound=ANY):
    return np.full(len(values), bound, np.float32)


def test_largest_of_two_rows():
    values = np.array([[3, 1, 2, 5], [-1, -4, -2, -3]], np.float32)
    columns, largest = top_k(values, 2, _above(values))
    assert columns.tolist() == [[3, 0], [0, 2]]
    assert largest.tolist() == [[5, 3], [-1, -2]]
    assert columns.dtype == np.int32
    assert largest.dtype == np.float32


def test_only_values_above_the_bound_of_their_row():
    values = np.array([[3, 1, 2, 5], [3, 1, 2, 5]], np.float32)
    columns, largest = top_k(values, 3, np.array([2, 5], np.float32))
    assert columns.tolist() == [[3, 0, -1], [-1, -1, -1]]
    assert largest.tolist() == [[5, 3, ANY], [ANY, ANY, ANY]]


def test_more_than_there_are():
    values = np.array([[1, 2]], np.float32)
    assert top_k(values, 4, _above(values))[0].tolist() == [[1, 0, -1, -1]]


def test_equal_values_are_in_the_order_of_columns():
    values = np.array([[0, 1, 0, 1, 1, 0]], np.float32)
    assert top_k(values, 6, _above(values))[0].tolist() == [[1, 3, 4, 0, 2, 5]]


# 2,573 columns make 80 groups of 32 and 13 columns that are in none.
@pytest.mark.parametrize("num_columns", [1, 31, 257, 2560, 2573])
@pytest.mark.parametrize("k", [1, 9, 100])
def test_equals_a_stable_sort(num_columns, k):
    rng = np.random.default_rng(num_columns + k)
    values = rng.standard_normal((13, num_columns)).astype(np.float32)
    kept = min(k, num_columns)
    expected = np.argsort(-values, axis=1, kind="stable")[:, :kept]
    columns, largest = top_k(values, k, _above(values))
    np.testing.assert_array_equal(columns[:, :kept], expected)
    np.testing.assert_array_equal(
        largest[:, :kept], np.take_along_axis(values, expected, axis=1)
    )
    assert (columns[:, kept:] == -1).all()


@pytest.mark.parametrize("num_values", [1, 2, 50])
def test_many_ties_leave_the_largest_values_right(num_values):
    rng = np.random.default_rng(num_values)
    values = rng.integers(0, num_values, (20, 3000)).astype(np.float32)
    columns, largest = top_k(values, 10, _above(values))
    np.testing.assert_array_equal(largest, -np.sort(-values, axis=1)[:, :10])
    np.testing.assert_array_equal(np.take_along_axis(values, columns, axis=1), largest)
    assert all(len(set(row)) == 10 for row in columns.tolist())
    # Where both are equally large, the lower column comes first.
    ordered = (np.diff(largest) < 0) | (np.diff(columns) > 0)
    assert ordered.all()
