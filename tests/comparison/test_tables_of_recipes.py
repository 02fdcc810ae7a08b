"""The table as files."""

import csv
import json
from importlib import metadata

import pytest

from cv_tf.catalog import read_catalog
from cv_tf.comparison import (
    format_markdown,
    how_to_read,
    provenance,
    write_table_csv,
    write_table_json,
)

RECALLS = {
    "low": [0.5, 0.5, 0.53],
    "near|by": [0.72, 0.8, None],
    "frozen": 0.75,
    "top": [0.8, 0.82, 0.78],
}


class TestMarkdown:
    def test_cells_are_aligned(self, compared):
        _, rows = compared(RECALLS)
        text = format_markdown(
            rows, ["Read it so."], {"command": "python", "date": "D"}
        )
        found, cost, notes = text.split("\n\n")
        assert len({len(line) for line in found.split("\n")}) == 1
        lines = found.split("\n")
        assert lines[0].startswith("| recipe   |      R@1 in block |")
        assert lines[1].startswith("| -------- | ----------------: |")
        assert lines[2].startswith("| top      | **0.800** ± 0.020 | **0.100** ± 0.002")
        assert lines[3].startswith(r"| near\|by |   0.760 ± 0.057 ≈ |")
        assert lines[4].startswith("| frozen   |             0.750 |")
        assert cost.split("\n")[2].endswith(
            "| **2.00** ± 0.00 |       9,600 | 3 of 3 |"
        )
        assert cost.split("\n")[3].endswith("| 2 of 3 |")
        assert notes == "- Read it so.\n- command: `python`\n- date: D\n"


def test_csv_has_a_line_a_recipe_and_figure(compared, tmp_path):
    plan, rows = compared(RECALLS)
    write_table_csv(tmp_path / "table.csv", rows, plan.config.seed_numbers)
    with (tmp_path / "table.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 4 * 12
    first = lines[0]
    assert float(first.pop("mean")) == pytest.approx(0.8)
    assert float(first.pop("standard_deviation")) == pytest.approx(0.02)
    assert first == {
        "recipe": "top",
        "method": "simclr",
        "figure": "recall_at_1_in_block",
        "num_runs": "3",
        "mark": "best",
        "difference": "",
        "difference_low": "",
        "difference_high": "",
        "seed_0": "0.8",
        "seed_1": "0.82",
        "seed_2": "0.78",
    }
    (failed,) = (
        line
        for line in lines
        if line["recipe"] == "near|by" and line["figure"] == "fms"
    )
    assert failed["num_runs"] == "2"
    assert failed["seed_2"] == ""
    assert lines[2 * 12]["recipe"] == "frozen"
    assert lines[2 * 12]["standard_deviation"] == ""
    assert (lines[3 * 12 - 1]["num_runs"], lines[3 * 12 - 1]["mean"]) == ("0", "")


def test_json_has_all_there_is(compared, tmp_path):
    plan, rows = compared(RECALLS)
    path = tmp_path / "table.json"
    write_table_json(path, plan, rows, ["A note."], {"date": "today"})
    table = json.loads(path.read_text())
    assert table["about"] == {"date": "today"}
    assert table["notes"] == ["A note."]
    assert table["seeds"] == [0, 1, 2]
    top, near, frozen, _ = table["recipes"]
    assert top["settings"] == {"catalog": plan.overrides["catalog"], "method": "simclr"}
    assert top["figures"]["fms"]["mark"] == "best"
    assert near["runs"][2] == {
        "seed": 2,
        "workdir": f"{plan.folder}/near|by-seed2",
        "failure": "no space left.",
        "figures": {},
    }
    assert frozen["runs"][0]["seed"] is None
    assert frozen["runs"][0]["figures"]["fms"] == 0.75 / 4


class TestNotes:
    def test_say_what_marks_mean_and_what_failed(self, compared):
        plan, rows = compared(RECALLS)
        text = "\n".join(how_to_read(plan, rows))
        assert "standard deviation over seeds" in text
        assert "Welch's 95%" in text
        assert "without training has no seeds" in text
        assert text.endswith("Missing: near|by, seed 2: no space left.")

    def test_say_that_one_seed_tells_nothing(self, compared):
        plan, rows = compared({"a": [0.5]})
        text = "\n".join(how_to_read(plan, rows))
        assert "One seed only: there is no spread" in text
        assert "≈" not in text

    def test_say_how_it_came_about(self, compared, drawn_catalog):
        plan, _ = compared({"a": [0.5, 0.6]})
        about = provenance(plan, read_catalog(drawn_catalog))
        assert about["command"].startswith("python -m cv_tf.compare --configs=")
        assert f"--catalog={drawn_catalog}" in about["command"]
        assert " CPU cores (" in about["machine"]
        assert about["versions"].startswith("Python 3.")
        assert f"TensorFlow {metadata.version('tensorflow')}" in about["versions"]
        assert about["catalogue"] == (
            "catalog.csv, 45 products; 15 of the split 'validation' reported on"
        )
        assert about["budget"] == "the steps of its recipe in each training; seeds 0, 1"

    def test_say_where_seeds_hold_out_products(self, compared, changed_catalog):
        plan, _ = compared({"a": [0.5, 0.6]})
        table = changed_catalog("compare without split.csv", without=("split",))
        about = provenance(plan, read_catalog(table))
        assert "each seed holds out other styles" in about["catalogue"]
