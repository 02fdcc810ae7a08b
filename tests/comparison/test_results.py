"""From the runs' figures to the rows of a table."""

import pytest

from cv_tf.comparison.results import BEST, EQUAL, OTHER, Cell, spell
from cv_tf.metrics import COMPARED, COST, FIGURES, QUALITY, RECALL

RECALLS = {
    "low": [0.5, 0.5, 0.53],
    "near": [0.7, 0.8, 0.78],
    "frozen": 0.75,
    "top": [0.8, 0.82, 0.78],
}


def row_of(rows, name):
    return next(row for row in rows if row.recipe.name == name)


def test_the_best_comes_first(compared):
    _, rows = compared(RECALLS)
    assert [row.recipe.name for row in rows] == ["top", "near", "frozen", "low"]


def test_means_and_deviations_are_over_the_seeds(compared):
    _, rows = compared(RECALLS)
    summary = row_of(rows, "top").summaries["recall_at_1_in_block"]
    assert summary.values == (0.8, 0.82, 0.78)
    assert summary.mean == pytest.approx(0.8)
    assert summary.deviation == pytest.approx(0.02)
    assert row_of(rows, "top").summaries["fms"].mean == pytest.approx(0.2)


def test_marks_of_what_is_better_when_higher_or_lower(compared):
    _, rows = compared(RECALLS)
    marks = {row.recipe.name: row.marks for row in rows}
    assert [marks[name]["fms"] for name in ("top", "near", "low")] == [
        BEST,
        EQUAL,
        OTHER,
    ]
    # Two degrees of freedom, a deviation of 0.02 over √3: 4.30 · 0.0115 = 0.0497.
    assert marks["frozen"]["fms"] == OTHER
    assert marks["low"]["seconds"] == BEST
    assert marks["top"]["seconds"] == OTHER
    assert set(marks["frozen"]).isdisjoint(figure.name for figure in COST)


def test_cells_say_it_in_words(compared):
    _, rows = compared(RECALLS)
    top, near, frozen, _ = rows
    assert top.cell(RECALL) == Cell("0.800", "0.020", is_best=True)
    assert near.cell(RECALL) == Cell("0.760", "0.053", is_equal=True)
    assert frozen.cell(RECALL) == Cell("0.750")
    assert frozen.cell(COST[0]) == Cell("-")
    # What was given beforehand has neither a best nor a spread.
    assert top.cell(FIGURES["images_seen"]) == Cell("9,600")


def test_one_seed_has_a_best_and_no_equals(compared):
    _, rows = compared({"a": [0.5], "b": [0.501]})
    assert [row.cell(RECALL) for row in rows] == [
        Cell("0.501", is_best=True),
        Cell("0.500"),
    ]


def test_a_run_that_failed_is_left_out_of_the_mean(compared):
    _, rows = compared({"a": [0.5, None, 0.7], "b": [None, None, None]})
    first, last = rows
    assert first.summaries["recall_at_1_in_block"].values == (0.5, 0.7)
    assert (first.num_runs, last.num_runs) == (2, 0)
    assert [result.failure for result in first.results] == ["", "no space left.", ""]
    assert (last.summaries, last.cell(RECALL)) == ({}, Cell("-"))


def test_figures_have_names_of_their_own():
    assert len({figure.name for figure in COMPARED}) == len(QUALITY) + len(COST)
    assert spell(1234.5678, FIGURES["seconds"]) == "1,234.6"
