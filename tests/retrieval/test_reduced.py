"""Long vectors are looked for by their principal components, and compared in full."""

import numpy as np
import pytest

from cv_tf.retrieval import ExactIndex, nearest, nearest_neighbors
from cv_tf.retrieval.reduced import ReducedSearch, find_components

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """1,500 designs of two products at a cosine of about 0.7, [3000, 512] float16."""
    random = np.random.default_rng(0)
    designs = random.standard_normal((1500, 1, 512))
    drawn = designs + 0.65 * random.standard_normal((1500, 2, 512))
    drawn /= np.linalg.norm(drawn, axis=2, keepdims=True)
    return drawn.reshape(3000, -1).astype(np.float16)


def test_as_few_components_as_tell_the_wanted_from_strangers(vectors):
    """Of all dimensions alike, 32 tell a cosine of 0.7 from strangers of 0.2 and less.

    The nearest strangers are told by no half of them.
    """
    components = find_components(vectors, 0.95, 5, floor=0.5)
    assert components.shape == (512, 32)
    np.testing.assert_allclose(components.T @ components, np.eye(32), atol=1e-4)
    assert find_components(vectors, 0.95, 5) is None
    short = vectors[:, :63].astype(np.float32)
    short /= np.linalg.norm(short, axis=1, keepdims=True)
    assert find_components(short, 0.95, 5, floor=0.5) is None


@pytest.mark.slow
def test_finds_what_is_alike_with_exact_similarities(vectors):
    components = find_components(vectors, 0.95, 5, floor=0.5)
    search = ReducedSearch(vectors, components, 0.95, 5, floor=0.5)
    single = vectors.astype(np.float32)
    found = search.search(single, 6).without(np.arange(3000))
    partner = np.arange(3000) ^ 1
    assert (found.indices[:, 0] == partner).mean() > 0.93
    assert not (found.indices == np.arange(3000)[:, None]).any()
    exact = np.einsum("nd,nkd->nk", single, single[found.indices])
    np.testing.assert_allclose(found.similarities, exact, atol=1e-5)
    assert (np.diff(found.similarities, axis=1) <= 0).all()


@pytest.mark.slow
def test_finds_as_many_as_are_asked_for_without_a_floor(vectors):
    components = np.eye(512, 256, dtype=np.float32)
    queries = vectors[:200].astype(np.float32)
    found = ReducedSearch(vectors, components, 0.7, 5).search(queries, 6)
    exact = ExactIndex(vectors).search(queries, 6)
    share = np.mean(found.similarities >= exact.similarities[:, -1:] - 1e-6)
    assert share > 0.65


@pytest.mark.slow
@pytest.mark.parametrize(("floor", "is_used"), [(0.5, True), (-1, False)])
def test_is_used_in_large_blocks_where_it_finds_enough(
    vectors, floor, is_used, monkeypatch
):
    made = []

    class Recorded(ReducedSearch):
        def __init__(self, vectors, *arguments):
            made.append(vectors.dtype)
            super().__init__(vectors, *arguments)

    monkeypatch.setattr(nearest_neighbors, "BRUTE_FORCE_BELOW", 2000)
    monkeypatch.setattr(nearest_neighbors, "ReducedSearch", Recorded)
    found = nearest(vectors, 5, retrieval="scann", floor=floor)
    assert made == ([np.float16] if is_used else [])
    assert (found.indices[:, 0] == np.arange(3000) ^ 1).mean() > 0.93
