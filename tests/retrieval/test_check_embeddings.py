"""What is asked of embeddings, and how it is said."""

import numpy as np
import pytest

from cv_tf.retrieval import check_embeddings


def test_good_embeddings_pass_unchanged_and_uncopied():
    embeddings = np.array([[1, 0], [0.6, 0.8]], np.float32)
    assert check_embeddings(embeddings) is embeddings


def test_other_floats_become_float32():
    checked = check_embeddings(np.array([[0.6, 0.8]], np.float64))
    assert checked.dtype == np.float32
    np.testing.assert_array_equal(checked, np.array([[0.6, 0.8]], np.float32))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_names_the_first_row_that_is_not_finite(value):
    embeddings = np.tile(np.array([1, 0], np.float32), (5, 1))
    embeddings[[2, 4], 1] = value
    with pytest.raises(ValueError, match=r"2 of 5 embeddings hold NaN.*row 2"):
        check_embeddings(embeddings)


def test_names_the_first_row_that_is_not_normalized():
    embeddings = np.array([[1, 0], [0, 0], [3, 4]], np.float32)
    with pytest.raises(
        ValueError, match=r"2 of 3 embeddings are not of length 1.*row 1"
    ):
        check_embeddings(embeddings)


@pytest.mark.parametrize("shape", [(0, 4), (4, 0), (4,), (2, 2, 2)])
def test_refuses_what_is_not_one_vector_a_product(shape):
    with pytest.raises(ValueError, match="one vector a product"):
        check_embeddings(np.ones(shape, np.float32))
