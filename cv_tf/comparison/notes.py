"""How a comparison came about, and how to read it, in a few lines."""

from __future__ import annotations

import datetime
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from importlib.metadata import version

from cv_tf.catalog import Catalog
from cv_tf.comparison.plan import Plan
from cv_tf.comparison.results import Row

_MARKS = "In bold: the best mean."
_EQUAL = (
    "±: standard deviation over seeds. ≈: cannot be told from the best; Welch's 95% "
    "interval of the difference of the means has 0 in it. It knows of the luck of "
    "seeds, not of that of which products were reported on."
)
_ONE_SEED = "One seed only: there is no spread, and no telling what is luck."
_FROZEN = "A recipe without training has no seeds, and counts as known exactly."
_COST = (
    "images/s leaves out the first step of each process, which compiles; training s is "
    "the time in steps, without probes, checkpoints and evaluation; peak GB is the "
    "memory of the process until the end of training."
)


def how_to_read(plan: Plan, rows: Sequence[Row]) -> list[str]:
    """What the marks mean, and which runs are missing."""
    lines = [_MARKS, _EQUAL if len(plan.config.seeds) > 1 else _ONE_SEED]
    if len(plan.config.seeds) > 1 and any(row.recipe.is_frozen for row in rows):
        lines.append(_FROZEN)
    lines.append(_COST)
    for row in rows:
        for result in row.results:
            if result.failure:
                lines.append(f"Missing: {result.run.title}: {result.failure}")
    return lines


def provenance(plan: Plan, catalog: Catalog) -> dict[str, str]:
    """How the figures came about, as titles and texts."""
    return {
        "command": shlex.join(["python", "-m", "cv_tf.compare", *plan.flags]),
        "machine": _machine(),
        "versions": f"Python {platform.python_version()}, "
        f"TensorFlow {version('tensorflow')}, cv_tf {version('cv_tf')}",
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "catalogue": _catalogue(plan, catalog),
        "budget": _budget(plan),
    }


def _machine() -> str:
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    cores = len(os.sched_getaffinity(0))
    return (
        f"{cores} CPU cores ({platform.machine()}), {pages / 1e9:.0f} GB of memory, "
        f"{_gpus() or 'no GPU'}"
    )


def _gpus() -> str:
    """What NVIDIA's tool names; asking TensorFlow would take a GPU from the runs."""
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


def _catalogue(plan: Plan, catalog: Catalog) -> str:
    config = plan.recipes[0].config
    text = f"{catalog.name}, {len(catalog):,} products; "
    if catalog.split is not None:
        num_reported = int((catalog.split == config.eval_split).sum())
        return f"{text}{num_reported:,} of the split '{config.eval_split}' reported on"
    return (
        f"{text}no column 'split', so each seed holds out other styles to report on: "
        "the spread is also that of the products"
    )


def _budget(plan: Plan) -> str:
    seeds = ", ".join(plan.config.seeds)
    images = plan.config.images
    each = f"{images:,} photos seen" if images else "the steps of its recipe"
    return f"{each} in each training; seeds {seeds}"
