"""The file of embeddings: what is written is read, and what is wrong is named."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv_tf.catalog import Catalog, read_catalog
from cv_tf.embeddings import (
    Embeddings,
    EmbeddingsError,
    parquet as read,
    parquet as table,
    read_embeddings,
    read_notes,
    to_table,
)
from cv_tf.embeddings.parquet import merge_tables

CATALOG = """product_id,image,category,color
007,a.jpg,Shirts,red
0108775015,sub/b.jpg,Trousers,"navy, dark"
c,,Shirts,
d,gs://bucket/d.jpg,,red
"""
VECTORS = np.float32([[1, 0], [0.6, 0.8], [0, 1], [-0.8, 0.6]])
TWO = [[1.0, 0.0], [0.6, 0.8]]
LAB = np.float32([[50, 60, 40], [20, 5, -30], [90, 0, 0], [np.nan] * 3])


def read_text(folder, text) -> Catalog:
    (folder / "catalog.csv").write_text(text)
    return read_catalog(folder / "catalog.csv")


@pytest.fixture
def catalog(tmp_path) -> Catalog:
    return read_text(tmp_path, CATALOG)


@pytest.fixture
def written(tmp_path):
    """A function that writes a table of these columns, and returns its path."""

    def write(**columns):
        pq.write_table(pa.table(columns), tmp_path / "e.parquet")
        return tmp_path / "e.parquet"

    return write


@pytest.fixture
def refused(written):
    """A function from columns to the message with which they are refused."""

    def read(**columns):
        with pytest.raises(EmbeddingsError) as error:
            read_embeddings(written(**columns))
        return str(error.value)

    return read


def assert_equal(one: Embeddings, other: Embeddings):
    for name in ("product_id", "vectors", "block", "image", "color", "lab"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    assert (one.block_names, one.model) == (other.block_names, other.model)


class TestRoundTrip:
    def test_all_that_is_written_is_read(self, catalog, tmp_path):
        path = tmp_path / "vectors.parquet"
        pq.write_table(to_table(catalog, VECTORS, LAB, "8f2a"), path)
        found = read_embeddings(path)
        assert len(found) == 4
        assert (found.name, found.model) == ("vectors.parquet", "8f2a")
        assert found.product_id.tolist() == ["007", "0108775015", "c", "d"]
        assert found.block_names == ("(none)", "Shirts", "Trousers")
        assert found.block.tolist() == [1, 2, 1, 0]
        expected = [f"{tmp_path}/a.jpg", f"{tmp_path}/sub/b.jpg", ""]
        assert found.image.tolist() == [*expected, "gs://bucket/d.jpg"]
        assert found.color.tolist() == ["red", "navy, dark", "", "red"]
        assert found.vectors.dtype == found.lab.dtype == np.float32
        np.testing.assert_array_equal(found.vectors, VECTORS)
        np.testing.assert_array_equal(found.lab, LAB)

    def test_what_is_not_known_is_none(self, tmp_path):
        catalog = read_text(tmp_path, "product_id,image,category\na,a.jpg,Shirts\n")
        path = tmp_path / "e.parquet"
        pq.write_table(to_table(catalog, VECTORS[:1]), path)
        found = read_embeddings(path)
        assert found.color is found.lab is None
        assert (found.model, read_notes(path)) == ("", "")

    def test_blocks_of_a_selection_keep_their_names(self, catalog, tmp_path):
        rows = np.array([1, 0])
        path = tmp_path / "e.parquet"
        pq.write_table(to_table(catalog.select(rows), VECTORS[rows]), path)
        found = read_embeddings(path)
        names = np.array(found.block_names)[found.block]
        assert names.tolist() == ["Trousers", "Shirts"]

    @pytest.mark.parametrize("layout", ["float64", "every other", "transposed"])
    def test_vectors_in_any_layout(self, layout, catalog, tmp_path):
        vectors = {
            "float64": VECTORS.astype(np.float64),
            "every other": np.repeat(VECTORS, 2, axis=0)[::2],
            "transposed": np.asfortranarray(VECTORS),
        }[layout]
        path = tmp_path / "e.parquet"
        pq.write_table(to_table(catalog, vectors), path)
        np.testing.assert_array_equal(read_embeddings(path).vectors, VECTORS)

    def test_a_table_may_travel_with_notes(self, catalog, tmp_path):
        path = tmp_path / "e.parquet"
        pq.write_table(to_table(catalog, VECTORS, notes='["é", "\n"]'), path)
        assert read_notes(path) == '["é", "\n"]'

    def test_is_read_piece_by_piece(self, catalog, tmp_path, monkeypatch):
        path = tmp_path / "e.parquet"
        pq.write_table(to_table(catalog, VECTORS, LAB, "8f2a"), path)
        whole = read_embeddings(path)
        monkeypatch.setattr(read, "CHUNK", 3)
        assert_equal(read_embeddings(path), whole)


class TestMerge:
    @pytest.mark.parametrize("cuts", [(2,), (0, 1, 3), (1, 1, 2), (4,), ()])
    def test_parts_become_the_whole(self, cuts, catalog, tmp_path, monkeypatch):
        """Wherever the rows are cut; some parts have none."""
        monkeypatch.setattr(table, "CHUNK", 2)
        paths = []
        for number, rows in enumerate(np.split(np.arange(4), cuts)):
            part = catalog.select(rows)
            notes = f"part {number}"
            paths.append(tmp_path / f"{number}.parquet")
            pq.write_table(
                to_table(part, VECTORS[rows], LAB[rows], "8f2a", notes), paths[-1]
            )
        merge_tables(paths, tmp_path / "merged.parquet")
        pq.write_table(to_table(catalog, VECTORS, LAB, "8f2a"), tmp_path / "e.parquet")
        merged, whole = (tmp_path / name for name in ("merged.parquet", "e.parquet"))
        assert_equal(read_embeddings(merged), read_embeddings(whole))
        schemas = map(pq.read_schema, (merged, whole))
        assert next(schemas).equals(next(schemas), check_metadata=True)
        assert read_notes(merged) == ""
        # No more than two rows were in memory at a time.
        metadata = pq.read_metadata(merged)
        groups = range(metadata.num_row_groups)
        assert max(metadata.row_group(group).num_rows for group in groups) <= 2

    def test_parts_without_a_product_are_no_table_to_compare(self, catalog, tmp_path):
        part = to_table(catalog.select(np.arange(0)), VECTORS[:0])
        pq.write_table(part, tmp_path / "part.parquet")
        merge_tables([tmp_path / "part.parquet"] * 2, tmp_path / "e.parquet")
        with pytest.raises(EmbeddingsError, match=r"e\.parquet has no products"):
            read_embeddings(tmp_path / "e.parquet")


class TestSelect:
    def test_takes_rows_of_every_column(self, catalog, tmp_path):
        path = tmp_path / "e.parquet"
        pq.write_table(to_table(catalog, VECTORS, LAB, "8f2a"), path)
        whole = read_embeddings(path)
        rows = [2, 0]
        some = whole.select(np.array(rows))
        assert len(some) == 2
        assert some.product_id.tolist() == ["c", "007"]
        assert some.image.tolist() == ["", f"{tmp_path}/a.jpg"]
        assert some.color.tolist() == ["", "red"]
        np.testing.assert_array_equal(some.vectors, VECTORS[rows])
        np.testing.assert_array_equal(some.lab, LAB[rows])
        # Numbers of blocks stay comparable with those of the whole.
        assert some.block.tolist() == [1, 1]
        assert some.block_names == whole.block_names
        assert some.model == "8f2a"

    def test_what_is_not_known_stays_so(self, written):
        whole = read_embeddings(
            written(product_id=["a", "b"], embedding=[[1.0], [1.0]])
        )
        some = whole.select(np.array([True, False]))
        assert some.product_id.tolist() == ["a"]
        assert some.color is some.lab is None


class TestOtherTools:
    """Files need not come from this package."""

    @pytest.mark.parametrize("number", ["float16", "float32", "float64", "int8"])
    @pytest.mark.parametrize("kind", ["list", "large list", "fixed size"])
    def test_lists_of_any_kind(self, number, kind, written):
        vectors = [[1, 0], [0, 1], [0.6, 0.8]]
        if number == "int8":
            vectors[2] = [0, -1]
        numbers = [np.array(vector, number) for vector in vectors]
        of = pa.from_numpy_dtype(number)
        kinds = {"list": pa.list_(of), "large list": pa.large_list(of)}
        kinds["fixed size"] = pa.list_(of, 2)
        column = pa.array(numbers, kinds[kind])
        found = read_embeddings(written(product_id=["a", "b", "c"], embedding=column))
        assert found.vectors.dtype == np.float32
        atol = 1e-3 if number == "float16" else 1e-7
        np.testing.assert_allclose(found.vectors, vectors, atol=atol)

    def test_ids_and_vectors_are_enough(self, written):
        found = read_embeddings(written(product_id=["a", "b"], embedding=TWO))
        assert found.block.tolist() == [0, 0]
        assert found.block_names == ("all",)
        assert found.image.tolist() == ["", ""]
        assert found.color is found.lab is None
        assert found.model == ""

    def test_cells_may_be_empty(self, written):
        ids = ["a", "b"]
        path = written(
            product_id=ids,
            block=pa.array([None, "Shirts"]),
            image=pa.nulls(2),
            color=pa.array(["red", None]),
            lab=pa.array([None, [1.0, 2.0, 3.0]]),
            embedding=TWO,
        )
        found = read_embeddings(path)
        assert found.block_names == ("(none)", "Shirts")
        assert found.block.tolist() == [0, 1]
        assert found.image.tolist() == ["", ""]
        assert found.color.tolist() == ["red", ""]
        np.testing.assert_array_equal(found.lab, [[np.nan] * 3, [1, 2, 3]])

    def test_a_column_without_any_color_is_as_good_as_none(self, written):
        lab = pa.nulls(2)
        path = written(product_id=["a", "b"], lab=lab, embedding=TWO)
        assert read_embeddings(path).lab is None

    def test_ids_may_be_numbers_and_blocks_categories(self, written):
        path = written(
            product_id=pa.array([2**40, 7]),
            block=pa.array(["x", "y"]).dictionary_encode(),
            brand=pa.array([{"any": "thing"}] * 2),
            embedding=TWO,
        )
        found = read_embeddings(path)
        assert found.product_id.tolist() == [str(2**40), "7"]
        assert found.block_names == ("x", "y")

    def test_empty_row_groups_do_not_matter(self, tmp_path):
        rows = pa.table({"product_id": ["a", "b"], "embedding": TWO})
        with pq.ParquetWriter(tmp_path / "e.parquet", rows.schema) as writer:
            for piece in (rows[:0], rows[:1], rows[:0], rows[1:]):
                writer.write_table(piece)
        found = read_embeddings(tmp_path / "e.parquet")
        np.testing.assert_array_equal(found.vectors, np.float32(TWO))

    def test_half_precision_is_near_enough_to_length_1(self, written):
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((20, 1024))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        halves = list(vectors.astype(np.float16))
        ids = [f"{i}" for i in range(20)]
        found = read_embeddings(written(product_id=ids, embedding=pa.array(halves)))
        np.testing.assert_allclose(found.vectors, vectors, atol=1e-4)

    def test_lengths_may_be_a_little_off(self, written):
        vectors = [[0.995, 0.0], [0.0, -1.005]]
        found = read_embeddings(written(product_id=["a", "b"], embedding=vectors))
        np.testing.assert_array_equal(found.vectors, np.float32(vectors))


class TestWhatCannotBeUsed:
    def test_no_file(self, tmp_path):
        with pytest.raises(EmbeddingsError) as error:
            read_embeddings(tmp_path / "e.parquet")
        assert str(error.value) == (
            f"{tmp_path}/e.parquet does not exist. Make it with python -m cv_tf.embed."
        )

    @pytest.mark.parametrize("content", [b"", b"product_id,embedding\n", b"PAR1PAR1"])
    def test_no_parquet(self, content, tmp_path):
        (tmp_path / "e.parquet").write_bytes(content)
        with pytest.raises(EmbeddingsError, match=r"e\.parquet' cannot be read as Par"):
            read_embeddings(tmp_path / "e.parquet")

    def test_missing_columns(self, refused):
        assert refused(id=["a"], vector=[[1.0]]) == (
            "e.parquet has no column embedding and no product_id; it has id, vector. "
            "Make it with python -m cv_tf.embed."
        )
        message = refused(product_id=["a"], vector=[[1.0]])
        assert "has no column embedding; it has product_id, vector." in message

    def test_no_products(self, refused):
        ids = pa.array([], pa.string())
        vectors = pa.array([], pa.list_(pa.float32()))
        message = refused(product_id=ids, embedding=vectors)
        assert message == "e.parquet has no products. Embed a catalogue first."

    @pytest.mark.parametrize(
        ("vector", "what"),
        [
            ([0.0, 1.0, 0.0], "have a vector of another width than 2"),
            ([1.0], "have a vector of another width than 2"),
            ([], "have no vector"),
            (None, "have no vector"),
            ([math.nan, 1.0], "have a vector with NaN or infinity"),
            ([None, 1.0], "have a vector with NaN or infinity"),
            ([math.inf, 0.0], "have a vector with NaN or infinity"),
            ([0.0, 0.0], "have a vector that is not of length 1"),
            ([0.6, 0.82], "have a vector that is not of length 1"),
            ([3.0, 4.0], "have a vector that is not of length 1"),
        ],
    )
    @pytest.mark.parametrize("chunk", [1, 100])
    def test_vectors(self, vector, what, chunk, refused, monkeypatch):
        """Also where the bad one is not among the first that are read."""
        monkeypatch.setattr(read, "CHUNK", chunk)
        vectors = pa.array([[1.0, 0.0], [0.0, 1.0], vector])
        message = refused(product_id=["a", "b", "c"], embedding=vectors)
        assert message.startswith(f"e.parquet: products c {what}. ")

    @pytest.mark.parametrize(
        "kind",
        [
            pa.list_(pa.float32()),
            pytest.param(
                pa.list_(pa.float32(), 2),
                marks=pytest.mark.skipif(
                    int(pa.__version__.split(".")[0]) < 26,
                    reason="pyarrow before 26 writes such a file, but cannot read it",
                ),
            ),
        ],
    )
    def test_the_first_has_no_vector(self, kind, refused):
        vectors = pa.array([None, [0.0, 1.0]], kind)
        message = refused(product_id=["a", "b"], embedding=vectors)
        assert message.startswith("e.parquet: products a have no vector. ")

    def test_at_most_five_are_named(self, refused):
        ids = list("abcdefg")
        message = refused(product_id=ids, embedding=[[1.0]] + [[2.0]] * 6)
        assert "products b, c, d, e, f, ... have a vector that" in message
        message = refused(product_id=ids[:6], embedding=[[1.0]] + [[2.0]] * 5)
        assert "products b, c, d, e, f have a vector that" in message

    @pytest.mark.parametrize(
        ("column", "cells", "message"),
        [
            ("embedding", ["0,1", "1,0"], "embedding holds string; expected lists of"),
            ("embedding", [["0"], ["1"]], "embedding holds list<element: string>; exp"),
            ("embedding", [[[1.0]], [[1.0]]], "expected lists of numbers"),
            (
                "embedding",
                [{"x": 1.0}, {"x": 1.0}],
                "embedding holds struct<x: double>",
            ),
            ("embedding", [None, None], "embedding holds null; expected lists of"),
            ("lab", [1.0, 2.0], "lab holds double; expected lists of numbers"),
            ("lab", [["a"], None], "lab holds list<element: string>; expected lists"),
            (
                "product_id",
                [["a"], ["b"]],
                "product_id holds list<element: string>; ex",
            ),
            (
                "block",
                [{"x": 1}, {"x": 2}],
                "block holds struct<x: int64>; expected te",
            ),
        ],
    )
    def test_columns_of_another_type(self, column, cells, message, refused):
        columns = {"product_id": ["a", "b"], "embedding": TWO, column: cells}
        assert message in refused(**columns)

    @pytest.mark.parametrize("color", [[1.0, 2.0], [1.0, 2.0, 3.0, 4.0]])
    def test_colors_of_another_width(self, color, refused):
        ids = ["a", "b", "c"]
        lab = pa.array([None, [1.0, 2.0, 3.0], color])
        message = refused(product_id=ids, lab=lab, embedding=[[1.0]] * 3)
        assert message == (
            "e.parquet: products c have a color in 'lab' that is not of three numbers. "
            "Write L, a and b, or leave the color out."
        )

    @pytest.mark.parametrize("empty", ["", None])
    def test_empty_ids(self, empty, refused):
        ids = pa.array(["a", empty, "c"])
        message = refused(product_id=ids, embedding=[[1.0]] * 3)
        assert message == "e.parquet: row 2 has no product_id."

    def test_ids_that_are_there_twice(self, refused):
        ids = ["a", "b", "c", "b", "a", "b"]
        message = refused(product_id=ids, embedding=[[1.0]] * 6)
        assert message == (
            "e.parquet: 3 products are there twice, the first is 'b'. Every product "
            "has one row: remove the others."
        )

    def test_text_that_is_none(self, refused):
        message = refused(product_id=pa.array([b"\xff"]), embedding=[[1.0]])
        assert "column product_id holds bytes that are no text: Invalid" in message


class TestComparable:
    @pytest.fixture
    def made_by(self, catalog, tmp_path):
        """A function from an Embedder's fingerprint, and a width, to a file."""

        def make(name: str, model: str, width: int = 2) -> Embeddings:
            vectors = np.eye(4, width, dtype=np.float32)
            vectors[width:, 0] = 1
            path = tmp_path / f"{name}.parquet"
            pq.write_table(to_table(catalog, vectors, model=model), path)
            return read_embeddings(path)

        return make

    @pytest.mark.parametrize(
        "models", [("8f2a", "8f2a"), ("8f2a", ""), ("", "8f2a"), ("", "")]
    )
    def test_vectors_of_one_embedder_or_of_one_unknown(self, models, made_by):
        one, other = map(made_by, ("one", "other"), models)
        one.check_comparable(other)

    def test_two_embedders(self, made_by):
        one, other = made_by("one", "8f2a"), made_by("other", "77c0")
        with pytest.raises(EmbeddingsError) as error:
            one.check_comparable(other)
        assert str(error.value) == (
            "one.parquet and other.parquet hold vectors of two Embedders, which cannot "
            "be compared. Embed both with the same one."
        )

    @pytest.mark.parametrize("models", [("", ""), ("8f2a", "77c0")])
    def test_two_widths(self, models, made_by):
        one, other = made_by("one", models[0]), made_by("other", models[1], 3)
        with pytest.raises(EmbeddingsError) as error:
            one.check_comparable(other)
        assert str(error.value) == (
            "The vectors of one.parquet have 2 dimensions, those of other.parquet 3. "
            "Embed both with the same Embedder, and with the same --dimensions of "
            "python -m cv_tf.embed."
        )
