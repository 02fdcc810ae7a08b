"""Vectors in half precision: what is computed from them is that of single precision."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv_tf.embeddings import (
    Embeddings,
    find_copies,
    precision,
    read_embeddings,
    rows_at_once,
    take_rows,
)
from cv_tf.embeddings.precision import kept_type
from cv_tf.grouping import Scale, find_groups, find_neighbors
from cv_tf.retrieval import check_vectors, nearest


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """200 designs with three variants each, [600, 96] float32."""
    random = np.random.default_rng(0)
    designs = random.standard_normal((200, 1, 96))
    drawn = designs + 0.6 * random.standard_normal((200, 3, 96))
    drawn /= np.linalg.norm(drawn, axis=2, keepdims=True)
    return drawn.reshape(600, 96).astype(np.float32)


def test_a_gigabyte_of_vectors_is_kept_in_half_precision():
    assert kept_type(2**18, 1024) is np.float16
    assert kept_type(2**18 - 1, 1024) is np.float32


def test_as_many_rows_as_take_32_megabytes():
    assert rows_at_once(1024) == 2**13
    assert rows_at_once(2**24) == 1


def test_rows_are_taken_in_single_precision(vectors):
    half = vectors.astype(np.float16)
    some = take_rows(half, np.array([5, 0]))
    assert some.dtype == np.float32
    np.testing.assert_array_equal(some, half[[5, 0]])
    assert np.shares_memory(take_rows(vectors, slice(3)), vectors)


def test_large_files_are_read_into_half_precision(vectors, tmp_path, monkeypatch):
    table = {
        "product_id": list(map(str, range(len(vectors)))),
        "embedding": list(vectors),
    }
    pq.write_table(pa.table(table), tmp_path / "my.parquet")
    assert read_embeddings(tmp_path / "my.parquet").vectors.dtype == np.float32
    monkeypatch.setattr(precision, "_HALF_FROM", vectors.size)
    read = read_embeddings(tmp_path / "my.parquet").vectors
    np.testing.assert_array_equal(read, vectors.astype(np.float16))


def test_half_precision_stays_when_it_is_checked(vectors):
    half = vectors.astype(np.float16)
    assert check_vectors(half) is half
    assert check_vectors(vectors.astype(np.float64)).dtype == np.float32


def test_neighbors_are_the_same_but_for_rounding(vectors):
    single, half = (nearest(of, 5) for of in (vectors, vectors.astype(np.float16)))
    np.testing.assert_allclose(half.similarities, single.similarities, atol=5e-4)
    assert (half.indices == single.indices).mean() > 0.98


def test_copies_are_found(vectors):
    twice = np.concatenate([vectors, vectors[:7]]).astype(np.float16)
    copies = find_copies(twice, np.zeros(len(twice), np.int32))
    assert copies.first[600:].tolist() == list(range(7))
    assert copies.num_copies == 7


def test_groups_and_their_scale_are_the_same(vectors):
    single, half = (
        Embeddings.of_arrays(of) for of in (vectors, vectors.astype(np.float16))
    )
    one, other = (Scale.of(of, find_neighbors(of)) for of in (single, half))
    assert other.background == pytest.approx(one.background, abs=1e-4)
    assert other.crowding == pytest.approx(one.crowding, abs=1e-3)
    groups = [find_groups(of, threshold=0.45) for of in (single, half)]
    assert groups[0].group_number.tolist() == groups[1].group_number.tolist()
    assert groups[0].representative.tolist() == groups[1].representative.tolist()
