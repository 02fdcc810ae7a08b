"""Cells that a spreadsheet would run: marked in CSV files, and read as they were."""

import csv
import random

import pyarrow as pa
import pytest

from cv_tf.answers import Said, read_said
from cv_tf.answers.answer_tables import write_said
from cv_tf.catalog.columns import read_columns
from cv_tf.catalog.formulas import marked, unmarked
from cv_tf.catalog.table_files import write_rows, write_table
from cv_tf.grouping import read_groups

FORMULAS = [
    *('=HYPERLINK("http://a/"&A1)', "+1+2", "-2+3", "@SUM(A1)", "=", "-", "--1", "-x"),
    *(
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\xa0=1",
        "\u200b@a",
        '"=1',
        "'=1",
        "''=1",
        " '=1",
    ),
    *("\uff1d1", "\uff0b1", "\uff0d1", "\uff20a", "\u22121", "-1,5", "+49 30 1234"),
]
OTHERS = ["", "a", "a=1", "1-2", "-5", "+5", "-1.5e-3", "-.5", "'", "'a", "0108", "1e5"]


@pytest.mark.parametrize("cell", FORMULAS)
def test_what_may_run_is_marked(cell):
    assert marked(cell) == f"'{cell}"
    assert unmarked(marked(cell)) == cell


@pytest.mark.parametrize("cell", OTHERS)
def test_what_may_not_run_stays(cell):
    assert marked(cell) == unmarked(cell) == cell


def test_each_text_has_a_form_of_its_own():
    """Whatever is written is read, and no two texts are written alike."""
    rng = random.Random(0)
    letters = "'\"=+-@ \t\n\rab19.eE\uff1d\uff0d\xa0\u200b"
    texts = {"".join(rng.choices(letters, k=rng.randrange(6))) for _ in range(20_000)}
    written = {text: marked(text) for text in texts}
    assert {text: unmarked(of) for text, of in written.items()} == dict(
        zip(texts, texts, strict=True)
    )
    assert len(set(written.values())) == len(texts)


IDS = ["=1+1", "'=1+1", "''=1+1", "-5", "@a", "'a", "+a", "'", "\uff1da"]


def test_ids_are_the_same_after_a_round_trip(tmp_path):
    table = pa.table({"product_id": IDS, "group_id": [IDS[0]] * len(IDS)})
    for name in ("g.csv", "g.parquet"):
        write_table(tmp_path / name, table)
        assert list(read_groups(str(tmp_path / name))) == IDS
        assert set(read_groups(str(tmp_path / name)).values()) == {IDS[0]}
    # Of tables of other tools, the text in quotes is taken.
    write_table(
        tmp_path / "g.csv", pa.table({"product_id": ['="7"'], "group_id": ["a"]})
    )
    assert list(read_groups(str(tmp_path / "g.csv"))) == ['="7"']
    said = [Said.of(first, "z", True, first, "") for first in IDS]
    write_said(tmp_path / "said.csv", said)
    assert read_said(str(tmp_path / "said.csv")) == said


def test_no_cell_of_a_file_may_run(tmp_path):
    columns = {
        "text": FORMULAS,
        "missing": [None, *FORMULAS[1:]],
        "kind": pa.array(FORMULAS).dictionary_encode(),
        "number": [-0.5] * len(FORMULAS),
    }
    write_table(tmp_path / "t.csv", pa.table(columns))
    write_rows(tmp_path / "r.csv", ["text"], ([cell] for cell in FORMULAS))
    for name in ("t.csv", "r.csv"):
        with (tmp_path / name).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                assert row.pop("number", "-0.5") == "-0.5"
                assert all(cell[:1] in ("'", "") for cell in row.values())
    cells = read_columns(str(tmp_path / "t.csv")).cells
    assert [it.strip() for it in cells["text"]] == [it.strip() for it in FORMULAS]


def test_parquet_has_no_marks(tmp_path):
    write_table(tmp_path / "t.parquet", pa.table({"a": ["=1", "'=1"]}))
    assert read_columns(str(tmp_path / "t.parquet")).cells["a"] == ["=1", "'=1"]
