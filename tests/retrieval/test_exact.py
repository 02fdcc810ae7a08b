"""Exact search, whatever it is cut into and wherever it runs, against a plain sort."""

import numpy as np
import pytest
import tensorflow as tf

from cv_tf.retrieval import ExactIndex, exact


def _random(num_products, dim=8, seed=0):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((num_products, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _by_sorting(products, queries, k):
    similarities = np.einsum("qd,nd->qn", queries, products)
    indices = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return indices, np.take_along_axis(similarities, indices, axis=1)


PRODUCTS, QUERIES = _random(700), _random(50, seed=1)


@pytest.mark.parametrize("k", [1, 7, 700])
@pytest.mark.parametrize("device", [None, "/CPU:0"])
@pytest.mark.parametrize("similarities_at_once", [40, 4000, 10**6])
def test_equals_a_plain_sort(monkeypatch, k, device, similarities_at_once):
    for name in ("_AT_ONCE", "_AT_ONCE_ON_DEVICE"):
        monkeypatch.setattr(exact, name, (20, similarities_at_once))
    # 2 products at once are many blocks: a few of them show as much.
    products = PRODUCTS[: min(700, 10 * similarities_at_once)]
    found = ExactIndex(products, device=device).search(QUERIES, k)
    indices, similarities = _by_sorting(products, QUERIES, k)
    kept = indices.shape[1]
    np.testing.assert_array_equal(found.indices[:, :kept], indices)
    np.testing.assert_allclose(found.similarities[:, :kept], similarities, atol=1e-6)
    assert (found.indices[:, kept:] == -1).all()
    assert (found.similarities[:, kept:] == -np.inf).all()


@pytest.mark.parametrize("device", [None, "/CPU:0"])
@pytest.mark.parametrize("products_at_once", [1, 2, 100])
def test_equal_products_are_in_the_order_of_rows(monkeypatch, device, products_at_once):
    for name in ("_AT_ONCE", "_AT_ONCE_ON_DEVICE"):
        monkeypatch.setattr(exact, name, (1, products_at_once))
    products = np.eye(2, dtype=np.float32)[[1, 0, 0, 1, 0]]
    found = ExactIndex(products, device=device).search(products[1:2], 5)
    assert found.indices.tolist() == [[1, 2, 4, 0, 3]]
    assert found.similarities.tolist() == [[1, 1, 1, 0, 0]]


def test_rounding_of_matrix_products_on_devices_is_left_as_it_was():
    settings = tf.config.experimental
    before = settings.tensor_float_32_execution_enabled()
    for rounded in (True, False):
        settings.enable_tensor_float_32_execution(rounded)
        ExactIndex(PRODUCTS, device="/CPU:0").search(QUERIES, 1)
        assert settings.tensor_float_32_execution_enabled() == rounded
    settings.enable_tensor_float_32_execution(before)


def test_a_gpu_takes_large_searches_only(monkeypatch):
    # No machine of the tests has one: that the CPU is asked for by this name shows it.
    monkeypatch.setattr(exact, "_gpu", lambda: "/CPU:0")
    monkeypatch.setattr(exact, "_WORTH_TENSORFLOW", 50 * 700)
    devices = []

    def record(queries, products, k, above, device):
        devices.append(device)
        return exact._on_cpu(queries, products, k, above)

    monkeypatch.setattr(exact, "_on_device", record)
    ExactIndex(PRODUCTS).search(QUERIES[:49], 1)
    assert devices == []
    ExactIndex(PRODUCTS).search(QUERIES, 1)
    assert devices == ["/CPU:0"]
