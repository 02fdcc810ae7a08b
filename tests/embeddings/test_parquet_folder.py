"""Folders with the parts of a table of embeddings, as Spark and others write them."""

import decimal
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from cv_tf.embeddings import EmbeddingsError, read_embeddings

VECTORS = np.eye(6, dtype=np.float32)
IDS = list("abcdef")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "e.parquet").mkdir()
    return tmp_path / "e.parquet"


def table(rows, model=None, vectors=VECTORS, **columns):
    """Some rows of the table, with more columns."""
    made = pa.table(
        {
            "product_id": [IDS[row] for row in rows],
            "embedding": vectors[rows].tolist() if len(rows) else [],
            **{name: [cells[row] for row in rows] for name, cells in columns.items()},
        }
    )
    if model is None:
        return made
    header = json.dumps({"model": model, "notes": ""})
    return made.replace_schema_metadata({"cv_tf": header})


def write(folder, *parts):
    for number, part in enumerate(parts):
        pq.write_table(part, folder / f"part-{number:05d}-8f.snappy.parquet")


def refused(folder):
    with pytest.raises(EmbeddingsError) as error:
        read_embeddings(folder)
    return str(error.value)


def as_spark(folder):
    for name in ("_SUCCESS", "._SUCCESS.crc", ".part-00000.parquet.crc", "_metadata"):
        (folder / name).write_bytes(b"no Parquet")
    (folder / "_temporary").mkdir()


@pytest.mark.parametrize("cuts", [[6], [2, 4], [1, 1, 1, 3], [0, 3, 0, 3, 0]])
def test_parts_are_one_table(folder, cuts):
    ends = np.cumsum(cuts)
    blocks = ["x", "y", "x", "y", "x", "y"]
    rows = [np.arange(end - cut, end) for cut, end in zip(cuts, ends, strict=True)]
    write(folder, *(table(some, "8f2a", block=blocks) for some in rows))
    as_spark(folder)
    for path in (folder, f"{folder}/"):
        found = read_embeddings(path)
        assert (found.name, found.model) == ("e.parquet", "8f2a")
        assert found.product_id.tolist() == IDS
        assert found.block_names == ("x", "y")
        assert found.block.tolist() == [0, 1] * 3
        np.testing.assert_array_equal(found.vectors, VECTORS)
        assert found.vectors.base is None  # No slice of a larger array.


@pytest.mark.parametrize("scheme", ["file://", "ram://"])
def test_addresses_of_files_and_folders(scheme, folder):
    write(folder, table([0, 1]), table([2]))
    address = f"{scheme}{folder}"
    if scheme == "ram://":
        tf.io.gfile.makedirs(address)
        for part in folder.iterdir():
            tf.io.gfile.copy(str(part), f"{address}/{part.name}")
    assert read_embeddings(address).product_id.tolist() == IDS[:3]
    part = f"{address}/part-00001-8f.snappy.parquet"
    assert read_embeddings(part).product_id.tolist() == IDS[2:3]


def test_parts_come_in_the_order_of_their_names(folder):
    for row, name in enumerate(["c.parquet", "B.PARQUET", "a.pq"]):
        pq.write_table(table([row]), folder / name)
    assert read_embeddings(folder).product_id.tolist() == ["b", "c", "a"]


def test_one_part_may_be_without_any_color(folder):
    colors = [None, None, [50.0, 1.0, 2.0], None, None, None]
    write(folder, table([0, 1], lab=colors), table([2, 3], lab=colors), table([4]))
    lab = read_embeddings(folder).lab
    assert lab[2].tolist() == [50, 1, 2]
    assert np.isnan(lab[[0, 1, 3, 4]]).all()


def test_texts_may_differ_in_their_types(folder):
    write(folder, table([0]), table([1]))
    numbers = pa.table({"product_id": [7], "embedding": [VECTORS[2].tolist()]})
    pq.write_table(numbers, folder / "part-2.parquet")
    assert read_embeddings(folder).product_id.tolist() == ["a", "b", "7"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (["a"], pa.array([b"b"]), ["a", "b"]),
        (["a"], pa.array([decimal.Decimal("3.00")]), ["a", "3"]),
        (["1.0", "2.0"], pa.array([3]), ["1", "2", "3"]),
        (pa.array([1]), pa.array([2.0]), ["1", "2"]),
        (pa.array(["a"]).dictionary_encode(), pa.array(["b "]), ["a", "b"]),
    ],
)
def test_ids_of_parts_are_those_of_one_file(first, second, expected, folder, caplog):
    for number, ids in enumerate((first, second)):
        rows = {"product_id": ids, "embedding": VECTORS[: len(ids)].tolist()}
        pq.write_table(pa.table(rows), folder / f"{number}.parquet")
    assert read_embeddings(folder).product_id.tolist() == expected
    assert len(caplog.records) == ("1.0" in first)


class TestRefused:
    @pytest.mark.parametrize("text_first", [True, False])
    def test_numbers_that_lost_digits_beside_text(self, text_first, folder):
        columns = [pa.array(["a"]), pa.array([2.0**24], pa.float32())]
        for number, ids in enumerate(columns if text_first else columns[::-1]):
            rows = {"product_id": ids, "embedding": [VECTORS[0].tolist()]}
            pq.write_table(pa.table(rows), folder / f"{number}.parquet")
        row = 2 if text_first else 1
        assert f"row {row}: product_id 16777216 is a floating" in refused(folder)

    def test_vectors_of_different_widths(self, folder):
        write(folder, table([0, 1]), table([2], vectors=np.eye(3, dtype=np.float32)))
        message = refused(folder)
        assert "e.parquet/part-00001-8f.snappy.parquet: products c have" in message
        assert "another width than 6" in message

    @pytest.mark.parametrize("models", [("8f", "9a"), ("8f", None), ("8f", "8f", "")])
    def test_vectors_of_several_embedders(self, folder, models):
        write(folder, *(table([row], model) for row, model in enumerate(models)))
        message = refused(folder)
        assert "e.parquet/part-00000-8f.snappy.parquet" in message or len(models) > 2
        assert "vectors of different Embedders" in message

    @pytest.mark.parametrize("name", ["category=x", "more.parquet"])
    def test_parts_in_folders(self, name, folder):
        write(folder, table([0]))
        (folder / name).mkdir()
        assert "more" in name or read_embeddings(folder).product_id.tolist() == ["a"]
        write(folder / name, table([1]))
        assert f"holds parts in the folder {name!r}" in refused(folder)

    def test_a_product_in_two_parts(self, folder):
        write(folder, table([0, 1]), table([1, 2]))
        assert "the first is 'b'" in refused(folder)

    @pytest.mark.parametrize("first", [True, False])
    def test_columns_that_some_lack(self, folder, first):
        parts = [table([0], block=IDS), table([1])]
        write(folder, *(parts if first else parts[::-1]))
        names = [f"e.parquet/part-0000{number}-8f.snappy.parquet" for number in (0, 1)]
        has, lacks = names if first else names[::-1]
        assert f"{has} has a column block, and {lacks} has none" in refused(folder)

    def test_a_part_that_is_no_parquet(self, folder):
        write(folder, table([0]))
        (folder / "part-1.parquet").write_text("text")
        assert f"'{folder}/part-1.parquet' cannot be read as Parquet" in refused(folder)

    @pytest.mark.parametrize("name", ["a.csv", "block=x/part-0.parquet", "_a.parquet"])
    def test_a_folder_without_parts(self, folder, name):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
        message = refused(folder)
        assert f"{folder} is a folder without Parquet files" in message
        assert "side by side" in message

    def test_a_table_without_products(self, folder):
        write(folder, table([]), table([]))
        assert "e.parquet has no products" in refused(folder)

    def test_shards_of_an_unfinished_job(self, folder):
        write(folder, table([0]))
        (folder / "job.json").write_text("{}")
        assert "an embedding that has not finished" in refused(folder)


@pytest.mark.parametrize(
    ("verb", "flags"),
    [
        ("search", ("--product_id=a",)),
        ("group", ("--threshold=0.5", "--output={tmp}/g.csv")),
        ("group", ("--calibrate={tmp}/l.csv", "--calibrate_embeddings={folder}")),
        ("evaluate", ("--labels={tmp}/l.csv",)),
    ],
)
def test_verbs_take_folders(folder, tmp_path, run_verb, verb, flags):
    vectors = np.repeat(np.eye(3, 6, dtype=np.float32), 2, axis=0)
    write(folder, *(table([row, row + 1], vectors=vectors) for row in (0, 2, 4)))
    rows = "".join(f"{name},{row // 2}\n" for row, name in enumerate(IDS))
    (tmp_path / "l.csv").write_text(f"product_id,style_id\n{rows}")
    given = [flag.format(tmp=tmp_path, folder=folder) for flag in flags]
    if verb == "group":
        given += [f"--output={tmp_path}/g.csv"]
    done = run_verb(verb, f"--embeddings={folder}", *given, tensorflow=False)
    assert done.returncode == 0, done.stderr


def test_other_files_may_not_be_folders(folder, tmp_path, run_verb):
    write(folder, table([0, 1]))
    flags = (f"--embeddings={folder}", f"--labels={tmp_path}")
    done = run_verb("evaluate", *flags, tensorflow=False)
    assert f"--labels={tmp_path} is a folder; name a file" in done.stderr
