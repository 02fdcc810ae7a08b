r"""Compares recipes: trains each with several seeds, and says what can be told apart.

    cv_tf compare --flagfile=configs/compare_hm.cfg
    cv_tf compare --configs=configs/hm_cvssl.cfg,configs/hm_triplet.cfg \
        --catalog=my.csv --seeds=0,1,2 --images=9600 --workdir=runs/compare

Any other flag of cv_tf train replaces that setting of all recipes. The same
command resumes a comparison that was stopped; recipes and seeds may be added. At the
end, the folder holds table.md, table.csv, table.json, page.html, and a folder and a log
of each run.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv_tf
from cv_tf import command
from cv_tf.atomic import whole_files, write_text
from cv_tf.catalog import Catalog
from cv_tf.comparison import (
    CompareConfig,
    ComparisonPlan,
    Row,
    Stopped,
    check_folder,
    make_plan,
    make_runs,
    open_folder,
    read_rows,
)
from cv_tf.config import Config
from cv_tf.settings import check


@dataclasses.dataclass(kw_only=True)
class _Flags(CompareConfig, Config):
    """All flags; only declared, never instantiated: recipes give the other values."""


class Request(NamedTuple):
    """A comparison, and the settings that hold for every recipe."""

    config: CompareConfig
    overrides: dict[str, Any]


def run(config: CompareConfig, **overrides: Any) -> tuple[Row, ...]:
    """Makes the missing runs of a comparison, and writes its table and page.

    Args:
      config: Settings of the comparison.
      **overrides: Settings of `Config` that replace those of each recipe.

    Returns:
      The rows of the table, the best recipe first; they name the runs that failed.

    Raises:
      UserError: If the settings, a recipe, the catalogue or the workdir cannot be used.
        All of them are checked before the first run begins.
      Stopped: If asked to stop; the table is written of the runs that have finished.
    """
    plan = make_plan(config, overrides)
    check_folder(plan)
    catalog = cv_tf.comparison.read_compared(plan)
    open_folder(plan)
    try:
        rows = read_rows(plan, make_runs(plan.runs))
    except Stopped:
        rows = read_rows(plan, {})
        if any(row.num_runs for row in rows):
            _write(plan, rows, catalog, with_page=False)
        raise
    _write(plan, rows, catalog, plan.config.page)
    print(f"Everything is in '{plan.folder}'.")
    return rows


def _write(
    plan: ComparisonPlan, rows: Sequence[Row], catalog: Catalog, with_page: bool
) -> None:
    """Writes the tables and the page together, and prints the table."""
    notes = cv_tf.comparison.how_to_read(plan, rows)
    about = cv_tf.comparison.provenance(plan, catalog)
    text = cv_tf.comparison.format_markdown(rows, notes, about)
    print(f"\n{text}")
    names = ("table.md", "table.csv", "table.json", "page.html")
    with whole_files(*(plan.folder / name for name in names)) as unfinished:
        as_text, as_csv, as_json, page = unfinished
        write_text(as_text, text)
        cv_tf.comparison.write_table_csv(as_csv, rows, plan.config.seed_numbers)
        cv_tf.comparison.write_table_json(as_json, plan, rows, notes, about)
        if with_page:
            _write_page(page, plan, rows, catalog, notes, about)


def _write_page(
    path: Path,
    plan: ComparisonPlan,
    rows: Sequence[Row],
    catalog: Catalog,
    notes: Sequence[str],
    about: dict[str, str],
) -> None:
    shown = cv_tf.comparison.shown_products(catalog, plan.runs[0])
    embedded = {
        row.recipe.name: cv_tf.comparison.embed_shown(row.results[0].run, shown)
        for row in rows
        if not row.results[0].failure
    }
    queries = cv_tf.comparison.compare_neighbors(embedded, shown) if embedded else []
    cv_tf.report.write_comparison_page(path, rows, queries, notes, about, len(shown))


def settings_of(argv: Sequence[str]) -> Request:
    """Parses a command line into the comparison and what overrides its recipes."""
    given = command.given_flags(_Flags, argv)
    own = {field.name for field in dataclasses.fields(CompareConfig)}
    config = CompareConfig(**{name: given[name] for name in given if name in own})
    overrides = {name: given[name] for name in given if name not in own}
    for field in dataclasses.fields(Config):
        if field.name in overrides:
            check(field, overrides[field.name])
    return Request(config, overrides)


def main(request: Request) -> None:
    """Runs the command."""
    try:
        rows = run(request.config, **request.overrides)
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        sys.exit(stopped.exit_code)
    if any(result.failure for row in rows for result in row.results):
        sys.exit(1)


if __name__ == "__main__":
    command.run(main, _Flags, parse=settings_of)
