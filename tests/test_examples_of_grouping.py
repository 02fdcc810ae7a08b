"""The examples in docstrings of embeddings, retrieval and grouping say what is true."""

import doctest

import pytest

from cv_tf.embeddings import Embeddings, read_embeddings
from cv_tf.grouping import find_groups, group
from cv_tf.retrieval import build_index, load_index


@pytest.mark.parametrize(
    "subject",
    [Embeddings, read_embeddings, build_index, load_index, find_groups, group],
    ids=lambda subject: subject.__name__,
)
def test_example(subject):
    (example,) = doctest.DocTestFinder(recurse=False).find(subject, globs={})
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0
