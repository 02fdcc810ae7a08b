"""The table of a comparison as Markdown, as CSV and as JSON."""

from __future__ import annotations

import datetime
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cv_tf.atomic import write_json
from cv_tf.catalog import Catalog, write_rows
from cv_tf.comparison.plan import ComparisonPlan
from cv_tf.comparison.results import Cell, Row
from cv_tf.metrics import COMPARED, COST, QUALITY, Figure

_FIGURE_KEYS = ("name", "label", "digits", "better")


def format_markdown(
    rows: Sequence[Row], notes: Sequence[str], about: Mapping[str, str]
) -> str:
    """Formats a comparison as Markdown that is also aligned as plain text.

    Args:
      rows: Rows in the order in which they are shown.
      notes: Sentences on how to read the table, see `how_to_read`.
      about: Titles to texts on how it was made, see `provenance`.
    """
    tables = [_table(rows, QUALITY)]
    if apart := compared_over_styles(rows):
        tables.append(_difference_table(rows, apart))
    tables.append(_table(rows, COST, with_runs=True))
    lines = [f"- {note}" for note in notes]
    lines += [
        f"- {title}: `{text}`" if title == "command" else f"- {title}: {text}"
        for title, text in about.items()
    ]
    return "\n\n".join([*tables, "\n".join(lines)]) + "\n"


def _table(
    rows: Sequence[Row], figures: Sequence[Figure], with_runs: bool = False
) -> str:
    lines = [["recipe", *(figure.label for figure in figures)]]
    for row in rows:
        cells = [_spelled(row.cell(figure)) for figure in figures]
        lines.append([row.recipe.name.replace("|", r"\|"), *cells])
    if with_runs:
        lines[0].append("runs")
        for line, row in zip(lines[1:], rows, strict=True):
            line.append(f"{row.num_runs} of {len(row.results)}")
    return _laid_out(lines)


def compared_over_styles(rows: Sequence[Row]) -> list[Figure]:
    """The figures of which some recipe's difference to the best one is known."""
    known = {name for row in rows for name in row.differences}
    return [figure for figure in QUALITY if figure.name in known]


def _difference_table(rows: Sequence[Row], figures: Sequence[Figure]) -> str:
    lines = [["difference to the best", *(figure.label for figure in figures)]]
    for row in rows:
        cells = [row.spell_difference(figure) for figure in figures]
        lines.append([row.recipe.name.replace("|", r"\|"), *cells])
    return _laid_out(lines)


def _laid_out(lines: Sequence[Sequence[str]]) -> str:
    """Rows of a Markdown table, the head first, aligned as plain text."""
    left, *others = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * left, *("-" * (width - 1) + ":" for width in others)]
    return "\n".join(
        f"| {' | '.join([first.ljust(left), *map(str.rjust, rest, others)])} |"
        for first, *rest in [lines[0], rule, *lines[1:]]
    )


def _spelled(cell: Cell) -> str:
    text = f"**{cell.mean}**" if cell.is_best else cell.mean
    if cell.deviation:
        text += f" ± {cell.deviation}"
    return f"{text} ≈" if cell.is_equal else text


def write_table_csv(path: Path, rows: Sequence[Row], seeds: Sequence[int]) -> None:
    """Writes a line for each recipe and figure; the file appears whole.

    Args:
      path: Path of the file. Its columns are recipe, method, figure, mean,
        standard_deviation, num_runs, mark ("best", "equal" or empty), difference (to
        the best recipe), difference_low and difference_high (its 95% interval over
        styles) and the value of each seed; unknown values are empty. A recipe without
        training has its value under the first seed.
      rows: Rows in the order in which they are written.
      seeds: Seeds of the comparison.
    """
    columns = ["recipe", "method", "figure", "mean", "standard_deviation", "num_runs"]
    columns += ["mark", "difference", "difference_low", "difference_high"]
    columns += [f"seed_{seed}" for seed in seeds]
    cells = (_csv_row(row, figure) for row in rows for figure in COMPARED)
    write_rows(path, columns, ([of.get(name) for name in columns] for of in cells))


def _csv_row(row: Row, figure: Figure) -> dict[str, Any]:
    cells = {
        "recipe": row.recipe.name,
        "method": row.recipe.config.method,
        "figure": figure.name,
        "num_runs": 0,
    }
    for result in row.results:
        value = result.figures.get(figure.name, "")
        cells[f"seed_{result.run.config.seed}"] = value
    if figure.name not in row.summaries:
        return cells
    summary = _summary(row, figure.name)
    apart = summary.pop("difference")
    if apart:
        names = ("difference", "difference_low", "difference_high")
        summary |= dict(zip(names, apart.values(), strict=True))
    return cells | summary


def _summary(row: Row, name: str) -> dict[str, Any]:
    summary, apart = row.summaries[name], row.differences.get(name)
    return {
        "mean": summary.mean,
        "standard_deviation": summary.deviation,
        "num_runs": len(summary.values),
        "mark": row.marks[name],
        "difference": apart._asdict() if apart else None,
    }


def write_table_json(
    path: Path,
    plan: ComparisonPlan,
    rows: Sequence[Row],
    notes: Sequence[str],
    about: Mapping[str, str],
) -> None:
    """Writes a comparison with all runs and settings; the file appears whole.

    Args:
      path: Path of the file: an object with "about", "notes", "seeds", "images";
        "figures" with their names and which values are better; and "recipes", a list
        with the settings, the runs and the figures of each.
      plan: Plan of the comparison.
      rows: Rows in the order in which they are written.
      notes: Sentences on how to read the table.
      about: Titles to texts on how it was made.
    """
    write_json(
        path,
        {
            "about": dict(about),
            "notes": list(notes),
            "seeds": list(plan.config.seed_numbers),
            "images": plan.config.images,
            "figures": [
                {key: getattr(figure, key) for key in _FIGURE_KEYS}
                for figure in COMPARED
            ],
            "recipes": [_as_json(row) for row in rows],
        },
    )


def _as_json(row: Row) -> dict[str, Any]:
    return {
        "name": row.recipe.name,
        "flagfile": row.recipe.flagfile,
        "method": row.recipe.config.method,
        "settings": row.recipe.changed_settings,
        "figures": {name: _summary(row, name) for name in row.summaries},
        "runs": [
            {
                "seed": None if row.recipe.is_frozen else result.run.config.seed,
                "workdir": result.run.config.workdir,
                "failure": result.failure or None,
                "figures": result.figures,
            }
            for result in row.results
        ],
    }


_MARKS = "In bold: the best mean."
_EQUAL = (
    "±: standard deviation over seeds. ≈: cannot be told from the best, by either kind "
    "of luck: Welch's 95% interval of the difference of the means, which knows of the "
    "luck of seeds, or the 95% interval over styles, which knows of that of which "
    "products were reported on, has 0 in it. Without a mark, both exclude it."
)
_STYLES = (
    "Difference to the best: of the means over seeds, with its 95% interval by a "
    "bootstrap over styles, paired: each recipe is measured on the same styles. ARI "
    "and NMI have none, and are marked by seeds alone."
)
_NO_STYLES = (
    "No interval over styles is known where a run, or one of the best, has left no "
    "results of its products (queries.parquet), as those of earlier versions. There, "
    "marks are by seeds alone."
)
# No ratios of sums over styles.
_BY_SEEDS = ("ari", "nmi")
_ONE_SEED = (
    "One seed only: there is no spread, and no telling what is the luck of the seed."
)
_ONE_SEED_EQUAL = (
    "≈: cannot be told from the best, as the 95% interval of the difference over "
    "styles has 0 in it."
)
_FROZEN = "A recipe without training has no seeds, and counts as known exactly."
_COST = (
    "images/s leaves out the first step of each process, which compiles; training s is "
    "the time in steps, without probes, checkpoints and evaluation; peak GB is the "
    "memory of the process until the end of training."
)


def how_to_read(plan: ComparisonPlan, rows: Sequence[Row]) -> list[str]:
    """Sentences on what the marks mean, and which runs are missing."""
    lines = [_MARKS, _EQUAL if len(plan.config.seeds) > 1 else _ONE_SEED]
    if len(plan.config.seeds) > 1 and any(row.recipe.is_frozen for row in rows):
        lines.append(_FROZEN)
    if compared_over_styles(rows):
        lines += [_STYLES] if len(plan.config.seeds) > 1 else [_ONE_SEED_EQUAL, _STYLES]
    if any(
        row.spell_difference(figure) == "-"
        for row in rows
        for figure in QUALITY
        if figure.name in row.summaries and figure.name not in _BY_SEEDS
    ):
        lines.append(_NO_STYLES)
    return [
        *(*lines, _COST),
        *(
            f"Missing: {result.run.title}: {result.failure}"
            for row in rows
            for result in row.results
            if result.failure
        ),
    ]


def provenance(plan: ComparisonPlan, catalog: Catalog) -> dict[str, str]:
    """Titles to texts on how the figures were made: command, machine, versions."""
    images, seeds = plan.config.images, ", ".join(plan.config.seeds)
    each = f"{images:,} photos seen" if images else "the steps of its recipe"
    return {
        "command": shlex.join(["python", "-m", "cv_tf.compare", *plan.flags]),
        "machine": _machine(),
        "versions": f"Python {platform.python_version()}, "
        f"TensorFlow {version('tensorflow')}, cv_tf {version('cv_tf')}",
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "catalogue": _catalogue(plan, catalog),
        "budget": f"{each} in each training; seeds {seeds}",
    }


def _machine() -> str:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = f"{len(os.sched_getaffinity(0))} CPU cores ({platform.machine()})"
    return f"{cores}, {size / 1e9:.0f} GB of memory, {_gpus() or 'no GPU'}"


def _gpus() -> str:
    """GPUs by NVIDIA's tool; asking TensorFlow would take a GPU from the runs."""
    tool = shutil.which("nvidia-smi")
    if not tool:
        return ""
    listed = subprocess.run(  # noqa: S603
        [tool, "--query-gpu=name", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
    )
    return ", ".join(listed.stdout.split("\n")[:-1]) if not listed.returncode else ""


def _catalogue(plan: ComparisonPlan, catalog: Catalog) -> str:
    config = plan.recipes[0].config
    text = f"{catalog.name}, {len(catalog):,} products; "
    if catalog.split is not None:
        num_reported = int((catalog.split == config.eval_split).sum())
        return f"{text}{num_reported:,} of the split '{config.eval_split}' reported on"
    return (
        f"{text}no column 'split', so each seed holds out other styles to report on: "
        "the spread is also that of the products"
    )
