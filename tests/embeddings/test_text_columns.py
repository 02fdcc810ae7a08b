"""Ids, blocks and colors of files of embeddings, of whatever type they are."""

import dataclasses
import logging

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv_tf.embeddings import Embeddings, EmbeddingsError, parquet, read_embeddings

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


def test_further_columns_are_text(read):
    found = read(
        product_id=["a", "b", "c"],
        title=[" Shirt ", None, "N/A"],
        price=[19.9, 5.0, None],
        stock=pa.array([1, None, 3], pa.int64()),
        brand=pa.array(["x", None, "x"]).dictionary_encode(),
        weight=pa.array([1, 2, None]).cast(pa.decimal128(21, 2)),
        tags=[["x"], [], None],
        is_new=[True, False, None],
        nothing=pa.nulls(3),
    )
    assert {name: of.tolist() for name, of in found.extras.items()} == {
        "title": ["Shirt", "", "N/A"],
        "price": ["19.9", "5", ""],
        "stock": ["1", "", "3"],
        "brand": ["x", "", "x"],
        "weight": ["1", "2", ""],
    }


def test_further_columns_are_left_out_where_they_are_not_needed(tmp_path):
    table = {"product_id": ["a"], "title": ["T"], "embedding": [[1.0, 0.0]]}
    pq.write_table(pa.table(table), tmp_path / "e.parquet")
    assert list(read_embeddings(tmp_path / "e.parquet").extras) == ["title"]
    assert read_embeddings(tmp_path / "e.parquet", extras=False).extras == {}


def test_some_products_keep_their_further_columns(read):
    found = read(product_id=["a", "b", "c"], title=["A", "B", "C"])
    assert found.select(np.array([2, 0])).extras["title"].tolist() == ["C", "A"]
    assert found.select(found.product_id == "b").extras["title"].tolist() == ["B"]


def test_parts_may_lack_a_further_column(tmp_path):
    first = {"product_id": ["a"], "title": ["A"], "embedding": [[1.0, 0.0]]}
    second = {"product_id": ["b"], "price": [2], "embedding": [[0.0, 1.0]]}
    third = {"product_id": ["c"], "title": [["C"]], "embedding": [[0.0, 1.0]]}
    for number, part in enumerate((first, second, third)):
        pq.write_table(pa.table(part), tmp_path / f"part-{number}.parquet")
    extras = read_embeddings(tmp_path).extras
    assert extras["title"].tolist() == ["A", "", ""]
    assert extras["price"].tolist() == ["", "2", ""]


def test_further_columns_have_a_cell_for_each_product():
    vectors = np.eye(2, dtype=np.float32)
    products = Embeddings.of_arrays(vectors)
    with pytest.raises(EmbeddingsError, match=r"'title' has shape \(1,\)"):
        dataclasses.replace(products, extras={"title": np.array(["x"], object)})
