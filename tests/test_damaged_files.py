"""Readers of files that faults have spoiled: they read, or say which file it is."""

import gzip
import json
import random
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crafted_xlsx import write_xlsx
from mutations import mutated

from cv_tf.answers import Answer, AnswerStore, read_said
from cv_tf.catalog import (
    opened_parquet,
    read_batches,
    read_catalog,
    write_parquet,
    write_table,
)
from cv_tf.embeddings import read_embeddings, read_notes
from cv_tf.errors import UserError
from cv_tf.grouping import read_copies, read_earlier, read_labels
from cv_tf.metrics import ProductResults, pair_counts
from cv_tf.report import earlier_threshold, threshold_beside
from cv_tf.training import Workdir

ROWS = [
    ("product_id", "image", "style_id", "category", "split", "color", "x", "y"),
    ("0108", "a/1.jpg", "S1", "Röcke", "train", "red", "1", "2"),
    ("=B", "b.jpg", "", "Bag", "test", "navy", "", ""),
    ("c,c", "gs://b/c.jpg", "S1", "Bag", "test", "", "3", "4"),
]
TEXT = "\n".join(",".join(f'"{cell}"' for cell in row) for row in ROWS) + "\n"
VECTORS = np.float32([[1, 0, 0], [0.6, 0.8, 0], [0, 0, 1]])


def _columns(rows=ROWS) -> pa.Table:
    return pa.table(dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True)))


def _csv(path: Path) -> None:
    path.write_text(TEXT)


def _wide_csv(path: Path) -> None:
    path.write_text(TEXT, encoding="utf-16")


def _gzip(path: Path) -> None:
    path.write_bytes(gzip.compress(TEXT.encode()))


def _xlsx(path: Path) -> None:
    write_xlsx(path, ROWS)


def _ods(path: Path) -> None:
    cells = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{it}</text:p>'
            "</table:table-cell>"
            for it in row
        )
        + "</table:table-row>"
        for row in ROWS
    )
    names = " ".join(
        f'xmlns:{it}="urn:oasis:names:tc:opendocument:xmlns:{it}:1.0"'
        for it in ("office", "table", "text")
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:'
            'manifest:1.0"><manifest:file-entry manifest:full-path="/" '
            f'manifest:media-type="{kind}"/></manifest:manifest>',
        )
        archive.writestr(
            "content.xml",
            f'<?xml version="1.0"?><office:document-content {names}><office:body>'
            f'<office:spreadsheet><table:table table:name="a">{cells}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )


def _parquet(path: Path) -> None:
    kinds = pa.array(["a", "b", "a"]).dictionary_encode()
    table = _columns().append_column("n", pa.array([1.5, None, 2.0]))
    write_table(path, table.append_column("kind", kinds))


def _old_parquet(path: Path) -> None:
    """Without checksums, so that what is flipped comes through."""
    pq.write_table(_columns(), path, use_dictionary=False, data_page_version="2.0")


def _embedded(path: Path, checked: bool = True) -> None:
    table = _columns().select(["product_id", "category", "image", "color"])
    table = table.rename_columns(["product_id", "block", "image", "color"])
    lab = pa.FixedSizeListArray.from_arrays(pa.array(np.ones(9, np.float32)), 3)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(VECTORS.reshape(-1)), 3)
    table = table.append_column("lab", lab).append_column("embedding", vectors)
    header = json.dumps({"model": "8f2a", "notes": "[1]"})
    table = table.replace_schema_metadata({"cv_tf": header})
    if checked:
        write_parquet(path, table)
    else:
        pq.write_table(table, path, compression="none")


def _old_embedded(path: Path) -> None:
    _embedded(path, checked=False)


def _groups(path: Path) -> None:
    path.write_text(
        "product_id,group_id,state,copy_of\na,a,confirmed,\nb,a,confirmed,a\nc,c,new,\n"
    )


def _answers(path: Path) -> None:
    path.write_text(
        "product_a,product_b,same,by,at\na,b,yes,Ann,2025-03-01T08:00:00Z\nb,c,no,,\n"
    )


def _store(path: Path) -> None:
    with AnswerStore(path) as store:
        store.add(Answer("pair", ("a",), ("b",), (0, -1), by="Ann"))
        store.add(Answer("pair", ("a", "c"), (), (0, 0), by="Bob"))
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = DELETE")


def _summary(path: Path) -> None:
    summary = {"threshold": 0.25, "color_discount": 0.1, "color": "auto", "model": "m"}
    path.write_text(json.dumps(summary | {"joined_groups": [["a", "b"]]}))


def _metrics(path: Path) -> None:
    figures = {"recall_at_1": 0.5, "fms": 1.0, "num_products": 10}
    path.write_text(json.dumps({"split": "s", "after": figures, "training": {}}))


def _config(path: Path) -> None:
    path.write_text("--method=simclr\n--steps=3\n--workdir=runs/a\n--catalog=a.csv\n")


def _queries(path: Path) -> None:
    styles = np.array([0, 0, 1])
    found = {"recall_at_1": np.array([1.0, 0.0, np.nan])}
    ids = np.array(["a", "b", "c"], object)
    pairs = pair_counts(np.array([0, 0, 0]), styles)
    ProductResults(ids, styles, found, pairs).write(path)


def _of_groups(path: str) -> None:
    read_earlier(path)
    read_copies(path)


def _of_summary(path: str) -> None:
    groups = path.replace(".summary.json", ".csv")
    earlier_threshold(groups, "auto", "m")
    threshold_beside(groups)


def _of_embeddings(path: str) -> None:
    read_embeddings(path)
    read_notes(path)


def _of_metrics(path: str) -> None:
    Workdir(Path(path).parent).read_metrics()


def _of_queries(path: str) -> None:
    Workdir(Path(path).parent).read_queries()


def _of_config(path: str) -> None:
    Workdir(Path(path).parent).read_config()


# The name of a file, what writes it, and what reads it.
Reader = tuple[str, Callable[[Path], None], Callable[[str], object]]
READERS: dict[str, Reader] = {
    "csv": ("c.csv", _csv, read_catalog),
    "wide csv": ("c.csv", _wide_csv, read_catalog),
    "gzip": ("c.csv.gz", _gzip, read_catalog),
    "parquet": ("c.parquet", _parquet, read_catalog),
    "parquet without checksums": ("c.parquet", _old_parquet, read_catalog),
    "embeddings": ("e.parquet", _embedded, _of_embeddings),
    "embeddings without checksums": ("e.parquet", _old_embedded, _of_embeddings),
    "groups": ("g.csv", _groups, _of_groups),
    "labels": ("l.csv", _csv, read_labels),
    "answers": ("a.csv", _answers, read_said),
    "store": ("a.sqlite", _store, read_said),
    "summary": ("g.summary.json", _summary, _of_summary),
    "metrics": ("metrics.json", _metrics, _of_metrics),
    "config": ("config.cfg", _config, _of_config),
    "queries": ("queries.parquet", _queries, _of_queries),
}
SPREADSHEETS: dict[str, Reader] = {
    "xlsx": ("c.xlsx", _xlsx, read_catalog),
    "ods": ("c.ods", _ods, read_catalog),
}


def assert_survives(reader: Reader, folder: Path, times: int, seed: int) -> None:
    """Reads a file with random faults, again and again."""
    name, write, read = reader
    path = folder / name
    write(path)
    read(str(path))
    whole = path.read_bytes()
    for number in range(seed, seed + times):
        for other in folder.iterdir():
            other.unlink()
        path.write_bytes(mutated(whole, random.Random(number)))
        try:
            read(str(path))
        except (UserError, OSError) as error:
            assert path.stem.split(".")[0] in str(error), (number, error)
        except BaseException as error:
            raise AssertionError(f"of number {number}: {error!r}") from error


@pytest.mark.parametrize("name", READERS)
def test_random_faults(name, tmp_path):
    assert_survives(READERS[name], tmp_path, times=60, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_many_random_faults(name, tmp_path):
    assert_survives(READERS[name], tmp_path, times=1_000, seed=1_000)


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("name", SPREADSHEETS)
def test_random_faults_of_spreadsheets(name, tmp_path):
    assert_survives(SPREADSHEETS[name], tmp_path, times=50, seed=0)


@pytest.mark.parametrize("name", ["embeddings", "parquet"])
def test_a_flipped_bit_in_a_page_is_told(name, tmp_path):
    """Pages have checksums: what they hold is right, or not read."""
    file_name, write, _ = READERS[name]
    path = tmp_path / file_name
    write(path)
    whole, before = path.read_bytes(), pq.read_table(path)
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    rng = random.Random(0)
    num_told = 0
    for _ in range(150):
        place = rng.randrange(4, len(whole) - footer)
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        try:
            with opened_parquet(str(path), "") as table:
                names = table.schema.names
                batches = list(read_batches(table, names, 100))
        except UserError as error:
            num_told += 1
            assert file_name in str(error)
        else:  # In what a page tells of itself and nobody reads.
            found = pa.Table.from_batches(batches).cast(before.schema)
            assert found.to_pylist() == before.to_pylist()
    assert num_told > 75
