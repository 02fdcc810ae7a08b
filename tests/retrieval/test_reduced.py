"""Long vectors are looked for by their principal components, and compared in full."""

import numpy as np
import pytest

from cv_tf.retrieval import ExactIndex, nearest, nearest_neighbors, scann
from cv_tf.retrieval.reduced import REDUCED_FROM, ReducedSearch

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True, scope="module")
def _scann():
    try:
        scann.load_scann()
    except ImportError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """1,500 designs of two products at a cosine of about 0.7, [3000, 512] float16."""
    random = np.random.default_rng(0)
    designs = random.standard_normal((1500, 1, REDUCED_FROM))
    drawn = designs + 0.65 * random.standard_normal((1500, 2, REDUCED_FROM))
    drawn /= np.linalg.norm(drawn, axis=2, keepdims=True)
    return drawn.reshape(3000, -1).astype(np.float16)


def test_finds_what_is_alike_with_exact_similarities(vectors):
    search = ReducedSearch(vectors, 0.95, 5, floor=0.5)
    single = vectors.astype(np.float32)
    found = search.search(single, 6).without(np.arange(3000))
    partner = np.arange(3000) ^ 1
    assert (found.indices[:, 0] == partner).mean() > 0.93
    assert not (found.indices == np.arange(3000)[:, None]).any()
    exact = np.einsum("nd,nkd->nk", single, single[found.indices])
    np.testing.assert_allclose(found.similarities, exact, atol=1e-5)
    assert (np.diff(found.similarities, axis=1) <= 0).all()


def test_finds_as_many_as_are_asked_for_without_a_floor(vectors):
    found = ReducedSearch(vectors, 0.8, 5).search(vectors[:200].astype(np.float32), 6)
    exact = ExactIndex(vectors).search(vectors[:200].astype(np.float32), 6)
    share = np.mean(found.similarities >= exact.similarities[:, -1:] - 1e-6)
    assert share > 0.75


@pytest.mark.parametrize(("dimensions", "is_used"), [(512, True), (511, False)])
def test_is_used_for_long_vectors_of_large_blocks(
    vectors, dimensions, is_used, monkeypatch
):
    made = []

    class Recorded(ReducedSearch):
        def __init__(self, vectors, *arguments):
            made.append(vectors.dtype)
            super().__init__(vectors, *arguments)

    monkeypatch.setattr(nearest_neighbors, "BRUTE_FORCE_BELOW", 2000)
    monkeypatch.setattr(nearest_neighbors, "ReducedSearch", Recorded)
    some = vectors[:, :dimensions].astype(np.float32)
    some /= np.linalg.norm(some, axis=1, keepdims=True)
    some = some.astype(np.float16)
    found = nearest(some, 5, retrieval="scann", floor=0.5)
    assert made == ([np.float16] if is_used else [])
    assert (found.indices[:, 0] == np.arange(3000) ^ 1).mean() > 0.93
