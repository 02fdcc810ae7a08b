"""Ids, blocks and colors of files of embeddings, of whatever type they are."""

import logging

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv_tf.embeddings import EmbeddingsError, parquet, read_embeddings

VECTORS = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]]


@pytest.fixture(params=[1, 100])
def read(request, tmp_path, monkeypatch):
    """A function from columns to what is read of them, at one go and row by row."""
    monkeypatch.setattr(parquet, "CHUNK", request.param)

    def read(**columns):
        table = pa.table({**columns, "embedding": VECTORS})
        pq.write_table(table, tmp_path / "e.parquet")
        return read_embeddings(tmp_path / "e.parquet")

    return read


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pa.array([4006381333931.0, 7, 8]), ["4006381333931", "7", "8"]),
        (pa.array([7, 8, 9], pa.float32()), ["7", "8", "9"]),
        (pa.array(["7.0", "8.0", "9.0"]), ["7", "8", "9"]),
        (pa.array([7.0, 8, 9]).dictionary_encode(), ["7", "8", "9"]),
        (pa.array([" 007", "b\u00a0", "\ufeffc"]), ["007", "b", "c"]),
        (pa.array([b"a", b"b", b"c"]), ["a", "b", "c"]),
        (
            pa.array(["Ro\u0308cke", "b", "c"], pa.large_string()),
            ["R\u00f6cke", "b", "c"],
        ),
    ],
)
def test_ids(ids, expected, read):
    assert read(product_id=ids).product_id.tolist() == expected


@pytest.mark.parametrize(
    ("ids", "what"),
    [
        (
            [1.0, 2.5, 3.0],
            "row 2: product_id 2.5 is not a whole number. Write ids as text",
        ),
        ([1.0, 2.0, 2.0**53], "row 3: product_id 9007199254740992 is a floating-point"),
        (
            ["4.00638E+12", "b", "4.00638E+12"],
            "row 3: product_id '4.00638E+12' was shor",
        ),
        ([1.0, np.nan, 2.0], "row 2 has no product_id"),
        (["a", "b", "a "], "1 products are there twice, the first is 'a'"),
    ],
)
def test_ids_that_cannot_be_used(ids, what, read):
    with pytest.raises(EmbeddingsError) as error:
        read(product_id=ids)
    assert str(error.value).startswith("e.parquet: ")
    assert what in str(error.value)


@pytest.mark.parametrize(
    "blocks",
    [
        pa.array([1.0, np.nan, 1.0]),
        pa.array([1, None, 1]),
        pa.array(["1", "N/A", "1 "]),
        pa.array(["1", "nan", "1"]).dictionary_encode(),
        pa.array([1.0, np.nan, 1.0]).dictionary_encode(),
    ],
)
def test_blocks_and_colors_that_are_not_known(blocks, read, caplog):
    with caplog.at_level(logging.WARNING, "absl"):
        found = read(product_id=["a", "b", "c"], block=blocks, color=blocks)
    assert found.block_names == ("(none)", "1")
    assert found.block.tolist() == [1, 0, 1]
    assert found.color.tolist() == ["1", "", "1"]
    is_text = isinstance(blocks[1].as_py(), str)
    assert len(caplog.records) == (2 if is_text else 0)


def test_products_are_named_by_their_ids_in_messages(tmp_path):
    table = {"product_id": [4006381333931.0, 7], "embedding": [[1.0], [2.0]]}
    pq.write_table(pa.table(table), tmp_path / "e.parquet")
    with pytest.raises(EmbeddingsError, match="products 7 have a vector that is not"):
        read_embeddings(tmp_path / "e.parquet")


def test_parts_of_a_column_may_differ_in_type():
    parts = [pa.array([7.0, None]), pa.array(["a "]), pa.nulls(1)]
    found = parquet._read_text("e.parquet", "color", parts)
    assert found == ["7", "", "a", ""]
