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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from seed_tables import TOLD, as_row, as_table, difference, mean_over_seeds

from cv_tf.atomic import write_json, write_text
from cv_tf.metrics import ProductResults
from cv_tf.training import Workdir

RESULTS = Path(__file__).parent / "results"
RECIPE = "configs/cvssl.cfg"
TITLES = {
    "frozen_grey": "pretrained network",
    "before": "+ vectors of parts",
    "after": "+ training",
}
HEAD = """# The first job: what training is worth on drawn products

`{command}`: `configs/cvssl.cfg` with {seeds} seeds. Means
over the seeds, of held-out products; 95% intervals by a bootstrap over styles. The gain
is that of training.

"""
REMEDY = "Remove the folder of the run to have it made anew."


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
    command = "python benchmarks/first_job.py --runs=RUNS"
    content = {"command": command, "seeds": arguments.seeds, "rows": rows}
    write_json(RESULTS / "first_job.json", content)
    head = HEAD.format(command=command, seeds=len(workdirs))
    write_text(RESULTS / "first_job.md", f"{head}{as_table(rows, TITLES)}\n")


def train(workdir: Path, seed: int, data_dir: str) -> None:
    """Runs the job of a seed, as a user does; a finished one is left as it is."""
    flags = [f"--flagfile={RECIPE}", f"--workdir={workdir}", f"--seed={seed}"]
    flags += [f"--data_dir={data_dir}"] if data_dir else []
    command = [sys.executable, "-m", "cv_tf.train", *flags]
    print(shlex.join(command))
    subprocess.run(command, check=True)  # noqa: S603 (of this file alone)


def measure(workdirs: Sequence[Workdir]) -> list[dict[str, Any]]:
    """The rows of the table, from what each run has left."""
    pretrained = [json.loads(it.metrics.read_text())["frozen_grey"] for it in workdirs]
    before, after = (
        mean_over_seeds([ProductResults.read(path, REMEDY) for path in paths])
        for paths in (
            [it.untrained for it in workdirs],
            [it.queries for it in workdirs],
        )
    )
    means = {it: float(np.mean([of[it] for of in pretrained])) for it in TOLD}
    gain = difference(after, before)
    steps = {"frozen_grey": means, "before": before, "after": after, "gain": gain}
    return [as_row(name, of) for name, of in steps.items()]


if __name__ == "__main__":
    main()
