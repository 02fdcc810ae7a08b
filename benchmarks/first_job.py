r"""What training is worth in the first job, on drawn products, over three seeds.

    python benchmarks/first_job.py --runs=runs/first_job

It runs configs/cvssl.cfg with each seed, or goes on where it was stopped, and writes
benchmarks/results/first_job.json and .md: the figures of the pretrained network, of the
vectors of parts untrained, and of the same after training, as means over the seeds; and
the gain of training. Intervals of 95% are by a bootstrap over styles, paired, of these
means: they know of the luck of styles, and as far as seeds differ, of theirs.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cv_tf.atomic import write_json, write_text
from cv_tf.metrics import FIGURES, Resampling, Score, mean_of
from cv_tf.training import Workdir

RESULTS = Path(__file__).parent / "results"
RECIPE = "configs/cvssl.cfg"
TOLD = (
    "recall_at_1_in_block",
    "map_at_r_in_block",
    "recall_at_1_in_block_as_searched",
    "map_at_r_in_block_as_searched",
    "pairwise_precision",
    "pairwise_recall",
    "pairwise_f1",
    "fms",
    "cgacc",
)
TITLES = {
    "frozen_grey": "pretrained network",
    "before": "+ vectors of parts",
    "after": "+ training",
    "gain": "gain of training",
}


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--data_dir", default="", help="folder of TFDS's data sets")
    arguments = parser.parse_args()
    workdirs = []
    for seed in arguments.seeds:
        workdir = arguments.runs / f"seed{seed}"
        train(workdir, seed, arguments.data_dir)
        workdirs.append(Workdir(workdir))
    rows = measure(workdirs)
    command = f"python benchmarks/first_job.py --runs={arguments.runs}"
    content = {"command": command, "seeds": arguments.seeds, "rows": rows}
    write_json(RESULTS / "first_job.json", content)
    write_text(RESULTS / "first_job.md", as_markdown(rows, command, len(workdirs)))


def train(workdir: Path, seed: int, data_dir: str) -> None:
    """Runs the job of a seed, as a user does; a finished one is left as it is."""
    flags = [f"--flagfile={RECIPE}", f"--workdir={workdir}", f"--seed={seed}"]
    flags += [f"--data_dir={data_dir}"] if data_dir else []
    command = [sys.executable, "-m", "cv_tf.train", *flags]
    print(shlex.join(command))
    subprocess.run(command, check=True)  # noqa: S603 (of this file alone)


def measure(workdirs: Sequence[Workdir]) -> list[dict[str, Any]]:
    """The rows of the table, from what each run has left."""
    metrics = [json.loads(workdir.metrics.read_text()) for workdir in workdirs]
    scores: dict[str, dict[str, Score]] = {}
    for step in ("before", "after"):
        of_seeds = []
        for workdir in workdirs:
            path = workdir.untrained if step == "before" else workdir.queries
            results = workdir.read_results(path)
            assert results is not None  # noqa: S101 (the data set has labels)
            of_seeds.append(results.scores(Resampling(results.style)))
        scores[step] = {name: mean_of([of[name] for of in of_seeds]) for name in TOLD}
    scores["gain"] = {
        name: scores["after"][name] - scores["before"][name] for name in TOLD
    }
    pretrained = {
        name: float(np.mean([of["frozen_grey"][name] for of in metrics]))
        for name in TOLD
    }
    return [
        {"name": "frozen_grey", "figures": pretrained},
        *(
            {"name": step, "figures": {name: told(of[name]) for name in TOLD}}
            for step, of in scores.items()
        ),
    ]


def told(score: Score) -> dict[str, Any]:
    """A figure with its interval, as results are stored."""
    return {"value": score.value, "interval": list(score.interval)}


def as_markdown(rows: Sequence[Mapping[str, Any]], command: str, num_seeds: int) -> str:
    """The table of the rows, a line a figure."""
    lines = [
        "# The first job: what training is worth on drawn products",
        "",
        f"`{command}`: `{RECIPE}` with {num_seeds} seeds. Means over the seeds, of the "
        "held-out products; 95% intervals by a bootstrap over styles.",
        "",
        "| | " + " | ".join(TITLES[row["name"]] for row in rows) + " |",
        "| --- |" + " ---: |" * len(rows),
    ]
    for name in TOLD:
        cells = [spelled(row["figures"][name], row["name"] == "gain") for row in rows]
        lines.append(f"| {FIGURES[name].title} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def spelled(figure: float | Mapping[str, Any], is_gain: bool) -> str:
    """A figure as a cell of the table."""
    if isinstance(figure, float):
        return f"{figure:.3f}"
    sign = "+" if is_gain else ""
    low, high = figure["interval"]
    return f"{figure['value']:{sign}.3f} ({low:{sign}.3f} to {high:{sign}.3f})"


if __name__ == "__main__":
    main()
