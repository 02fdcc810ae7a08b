"""Recipes compared on the same styles, and what the marks make of it."""

import csv
import json

import numpy as np
import pytest

from cv_tf.comparison import (
    Difference,
    format_markdown,
    how_to_read,
    read_rows,
    write_table_csv,
    write_table_json,
)
from cv_tf.comparison.results import BEST, EQUAL, OTHER, Summary, find_best, mark
from cv_tf.metrics import FIGURES, RECALL, ProductResults

NUMBER = 200  # Styles of two products.
RECALLS = {"low": [0.5, 0.52], "near": [0.79, 0.81], "frozen": 0.6, "top": [0.8, 0.82]}


def results(recall: float) -> ProductResults:
    """The first styles are found and the others not, whatever the recipe."""
    ids = np.array([f"p{row:03}" for row in range(2 * NUMBER)], object)
    styles = np.array([f"s{row // 2:03}" for row in range(2 * NUMBER)], object)
    found = (np.arange(2 * NUMBER) // 2 < recall * NUMBER).astype(float)
    return ProductResults(ids, styles, {RECALL.name: found})


@pytest.fixture
def rows(compared):
    """A comparison, whose runs have left results but for those that are named."""

    def make(recalls=RECALLS, without=()):
        plan, _ = compared(recalls)
        for run in plan.runs:
            if run.name not in without:
                recall = run.read_figures()[RECALL.name]
                results(recall).write(run.workdir.queries)
        return plan, read_rows(plan, {})

    return make


def by_name(rows):
    return {row.recipe.name: row for row in rows}


class TestDifferences:
    def test_are_of_the_means_over_seeds(self, rows):
        found = by_name(rows()[1])
        assert found["top"].differences == {}
        apart = found["near"].differences[RECALL.name]
        assert apart.value == pytest.approx(-0.01)
        assert -0.025 < apart.low < -0.01 < apart.high <= 0
        apart = found["frozen"].differences[RECALL.name]
        assert apart.value == pytest.approx(0.6 - 0.81)
        # 0.21 of the styles, drawn by themselves: 1.96 · √(0.21 · 0.79 / 200) = 0.056.
        assert apart.high - apart.low == pytest.approx(2 * 0.056, abs=0.015)

    @pytest.mark.parametrize("without", ["near-seed1", "top-seed0"])
    def test_need_the_results_of_all_runs(self, rows, without):
        plan, found = rows(without=[without])
        near = by_name(found)["near"]
        assert near.differences == {}
        assert near.spell_difference(RECALL) == "-"
        assert "No interval over styles is known" in "\n".join(how_to_read(plan, found))

    def test_damaged_results_are_told_and_left_out(self, rows, caplog):
        plan, _ = rows()
        path = plan.runs[0].workdir.queries
        path.write_bytes(path.read_bytes()[:100])
        found = by_name(read_rows(plan, {}))
        assert plan.runs[0].recipe.name == "low"
        assert found["low"].differences == {}
        assert RECALL.name in found["near"].differences
        assert "queries.parquet' cannot be read as the results" in caplog.text


# Without seeds, so that styles decide.
SUMMARIES = {"a": Summary((0.7,), True), "b": Summary((0.6,), True)}


class TestMarks:
    def test_styles_that_cannot_tell_make_an_equal(self):
        wide, narrow = Difference(-0.1, -0.21, 0.01), Difference(-0.1, -0.2, -0.01)
        marks = mark(SUMMARIES, "higher", {"b": wide})
        assert marks == {"a": BEST, "b": EQUAL}
        marks = mark(SUMMARIES, "higher", {"b": narrow})
        assert marks == {"a": BEST, "b": OTHER}

    def test_seeds_that_cannot_tell_make_one_too(self):
        summaries = {"a": Summary((0.6, 0.8)), "b": Summary((0.5, 0.7))}
        narrow = Difference(-0.1, -0.2, -0.01)
        assert mark(summaries, "higher", {"b": narrow})["b"] == EQUAL

    def test_of_one_seed_styles_alone_tell(self):
        summaries = {"a": Summary((0.7,)), "b": Summary((0.69,))}
        assert mark(summaries, "higher")["b"] == OTHER
        level = Difference(-0.01, -0.02, 0.01)
        assert mark(summaries, "higher", {"b": level})["b"] == EQUAL

    def test_the_best_is_the_highest_or_the_lowest(self):
        assert find_best(SUMMARIES, "higher") == "a"
        assert find_best(SUMMARIES, "lower") == "b"
        assert find_best(SUMMARIES, "") == find_best({}, "higher") == ""


class TestTables:
    def test_markdown_has_a_table_of_them(self, rows):
        plan, found = rows()
        text = format_markdown(found, how_to_read(plan, found), {})
        table = text.split("\n\n")[1].split("\n")
        assert [cell.strip() for cell in table[0].strip("|").split("|")] == [
            "difference to the best",
            "R@1 in block",
        ]
        assert table[2].split("|")[2].strip() == "best"
        assert "-0.010 (-0.0" in table[3]
        assert len({len(line) for line in table}) == 1
        assert "by a bootstrap over styles" in text
        assert "No interval over styles" in text  # Of the other figures.

    def test_there_is_none_without_results(self, compared):
        plan, found = compared(RECALLS)
        text = format_markdown(found, how_to_read(plan, found), {})
        assert "difference to the best" not in text

    def test_csv_and_json(self, rows, tmp_path):
        plan, found = rows()
        apart = by_name(found)["near"].differences[RECALL.name]
        write_table_csv(tmp_path / "table.csv", found, plan.config.seed_numbers)
        with (tmp_path / "table.csv").open(newline="") as file:
            (line,) = (
                line
                for line in csv.DictReader(file)
                if (line["recipe"], line["figure"]) == ("near", RECALL.name)
            )
        names = ("difference", "difference_low", "difference_high")
        assert [float(line[name]) for name in names] == list(apart)
        write_table_json(tmp_path / "table.json", plan, found, [], {})
        table = json.loads((tmp_path / "table.json").read_text())
        figures = {recipe["name"]: recipe["figures"] for recipe in table["recipes"]}
        assert figures["near"][RECALL.name]["difference"] == apart._asdict()
        assert figures["top"][RECALL.name]["difference"] is None

    def test_one_seed(self, rows):
        plan, found = rows({"a": [0.8], "b": [0.79]})
        text = "\n".join(how_to_read(plan, found))
        assert "One seed only" in text
        assert "≈: cannot be told from the best, as the 95% interval" in text
        assert found[1].spell_difference(FIGURES["fms"]) == "-"
