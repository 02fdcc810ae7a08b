"""ScaNN against exact search; skipped where ScaNN cannot be loaded."""

import numpy as np
import pytest

from cv_tf.retrieval import nearest, scann, search


@pytest.fixture(autouse=True, scope="module")
def _scann():
    try:
        scann.load_scann()
    except ImportError as error:
        pytest.skip(str(error))


def _clusters(num_products=1500, dim=16, seed=0):
    """Products around 200 centers, as styles are."""
    rng = np.random.default_rng(seed)
    centers = rng.standard_normal((200, dim))
    embeddings = centers[rng.integers(0, 200, num_products)]
    embeddings = embeddings + 0.3 * rng.standard_normal((num_products, dim))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    return embeddings.astype(np.float32)


def _recall(found, exact):
    pairs = zip(found.indices.tolist(), exact.indices.tolist(), strict=True)
    return np.mean([len(set(a) & set(b)) / len(b) for a, b in pairs])


def test_below_20000_products_it_is_exact():
    embeddings, blocks = _clusters(300), np.arange(300) % 7
    found = nearest(embeddings, 50, blocks, engine="scann")
    exact = nearest(embeddings, 50, blocks, engine="exact")
    np.testing.assert_array_equal(found.indices, exact.indices)
    np.testing.assert_allclose(found.similarities, exact.similarities, atol=1e-6)


def test_one_product_has_no_neighbors():
    assert nearest(_clusters(1), 2, engine="scann").indices.tolist() == [[-1, -1]]


# So few products have so few leaves that a tenth of them loses more than of many.
@pytest.mark.parametrize(
    ("tree_above", "least_recall"), [(10_000, 0.99), (1_000, 0.85)]
)
def test_approximate_search_finds_most(monkeypatch, tree_above, least_recall):
    monkeypatch.setattr(scann, "BRUTE_FORCE_BELOW", 500)
    monkeypatch.setattr(scann, "_TREE_ABOVE", tree_above)
    embeddings = _clusters()
    found = nearest(embeddings, 5, engine="scann")
    exact = nearest(embeddings, 5, engine="exact")
    assert _recall(found, exact) > least_recall
    itself = found.indices == np.arange(len(embeddings))[:, None]
    assert not itself.any()
    # Whatever was found, its similarity is the true one.
    products = np.einsum("nd,nkd->nk", embeddings, embeddings[found.indices])
    present = found.indices >= 0
    np.testing.assert_allclose(
        found.similarities[present], products[present], atol=1e-5
    )


def test_auto_uses_it_for_large_blocks_only(monkeypatch):
    monkeypatch.setattr(search, "BRUTE_FORCE_BELOW", 100)
    sizes = []

    def record(embeddings, queries, k):
        sizes.append(len(embeddings))
        return scann.scann_search(embeddings, queries, k)

    monkeypatch.setattr(search, "scann_search", record)
    blocks = np.repeat([0, 1, 2], [99, 100, 101])
    nearest(_clusters(300), 3, blocks, engine="auto")
    assert sizes == [100, 101]


def test_missing_neighbors_are_padded_and_the_query_left_out():
    found = scann._without_self(
        indices=np.array([[4, 9, 2], [9, 7, 0], [5, 6, 8]], np.int32),
        similarities=np.array([[1, 0.9, 0.8], [1, 0.7, np.nan], [0.6, 0.5, 0.4]]),
        queries=np.array([4, 9, 1]),
        k=2,
    )
    assert found.indices.tolist() == [[9, 2], [7, -1], [5, 6]]
    np.testing.assert_allclose(
        found.similarities, [[0.9, 0.8], [0.7, -np.inf], [0.6, 0.5]]
    )
