"""Vectors of earlier files in a new one."""

import numpy as np
import pyarrow.parquet as pq
import pytest

from cv_tf.catalog import read_catalog
from cv_tf.embeddings import (
    EmbeddingsError,
    RowsOf,
    gather_vectors,
    gathering as gathering_module,
    read_embeddings,
    to_table,
)

NONE = np.array([-1, -1, -1])


@pytest.fixture
def catalog(tmp_path):
    """Three products."""
    rows = ["product_id,image,category,color", "a,1.jpg,X,red", "b,2.jpg,Y,blue"]
    (tmp_path / "c.csv").write_text("\n".join([*rows, "c,3.jpg,X,"]))
    return read_catalog(tmp_path / "c.csv")


@pytest.fixture
def stored(catalog, tmp_path):
    """A function that writes vectors and colors of its own, and returns them."""

    def write(name, vectors, model="m"):
        vectors = np.array(vectors, np.float32)
        lab = np.arange(3 * len(vectors), dtype=np.float32).reshape(-1, 3)
        some = catalog.select(np.arange(len(vectors)))
        pq.write_table(to_table(some, vectors, lab, model), tmp_path / name)
        return tmp_path / name, vectors, lab

    return write


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_rows_come_from_wherever_they_are(
    catalog, stored, tmp_path, monkeypatch, chunk
):
    monkeypatch.setattr(gathering_module, "CHUNK", chunk)
    old, old_vectors, old_lab = stored("old", [[1, 0], [0, 1], [0.6, 0.8]])
    new, new_vectors, new_lab = stored("new", [[0.8, 0.6]])
    # Two products have one photo; one row of the old file is of no use.
    sources = [RowsOf(old, np.array([2, -1, 2])), RowsOf(new, np.array([-1, 0, -1]))]
    gather_vectors(tmp_path / "out.parquet", catalog, sources)
    vectors = np.stack([old_vectors[2], new_vectors[0], old_vectors[2]])
    lab = np.stack([old_lab[2], new_lab[0], old_lab[2]])
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.equals(to_table(catalog, vectors, lab, "m"))
    assert read_embeddings(tmp_path / "out.parquet").model == "m"


def test_a_file_of_no_product_is_of_no_use_and_of_no_harm(catalog, stored, tmp_path):
    old, vectors, lab = stored("old", [[1, 0], [0, 1], [0.6, 0.8]])
    empty, *_ = stored("empty", np.empty((0, 2)))
    sources = [RowsOf(empty, NONE), RowsOf(old, np.arange(3))]
    gather_vectors(tmp_path / "out.parquet", catalog, sources)
    expected = to_table(catalog, vectors, lab, "m")
    assert pq.read_table(tmp_path / "out.parquet").equals(expected)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0, 1, -1]], "'c' has a row in 0 files"),
        ([[0, 1, 2], [-1, 0, -1]], "'b' has a row in 2 files"),
        ([[0, 1, 3]], "has 3 products, and the row 4 is"),
    ],
)
def test_each_product_has_one_row(catalog, stored, tmp_path, rows, message):
    path, *_ = stored("old", [[1, 0], [0, 1], [0.6, 0.8]])
    sources = [RowsOf(path, np.array(of)) for of in rows]
    with pytest.raises(EmbeddingsError, match=message):
        gather_vectors(tmp_path / "out.parquet", catalog, sources)


def test_files_are_of_one_embedder(catalog, stored, tmp_path):
    one, *_ = stored("one", [[1, 0], [0, 1]])
    other, *_ = stored("other", [[1, 0]], model="n")
    wide, *_ = stored("wide", [[1, 0, 0]])
    rows = [RowsOf(one, np.array([0, 1, -1])), RowsOf(other, np.array([-1, -1, 0]))]
    with pytest.raises(EmbeddingsError, match="of different Embedders"):
        gather_vectors(tmp_path / "out.parquet", catalog, rows)
    rows[1] = RowsOf(wide, rows[1].row)
    with pytest.raises(EmbeddingsError, match="of 2 and 3 dimensions"):
        gather_vectors(tmp_path / "out.parquet", catalog, rows)


def test_files_have_colors(catalog, tmp_path):
    table = to_table(catalog, np.eye(3, dtype=np.float32), None, "m")
    pq.write_table(table, tmp_path / "plain")
    with pytest.raises(EmbeddingsError, match="no columns 'lab' and 'embedding'"):
        gather_vectors(
            tmp_path / "out.parquet",
            catalog,
            [RowsOf(tmp_path / "plain", np.arange(3))],
        )
