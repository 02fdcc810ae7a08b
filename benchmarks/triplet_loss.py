"""Measures time and memory of the semi-hard triplet loss and of tensorflow-addons'.

    python benchmarks/triplet_loss.py

One step computes the value and the gradient of one batch, as a graph on the CPU, of
embeddings of width 256, four a style. Each implementation is a process of its own;
after a warm-up they take turns, so that other load on the machine affects all of them.
Time is the median over the rounds; memory is what the steps add to the peak of the
process. Prints a Markdown table and writes it to benchmarks/results/triplet_loss.md.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import cv_tf  # noqa: F401  (selects the Keras 2 API before anything loads TensorFlow)

EMBEDDING_SIZE = 256
PRODUCTS_PER_STYLE = 4
SIDES = ("cv_tf", "cv_tf, XLA", "addons")
# The implementations to measure at each batch size, and the free memory that they need:
# tensorflow-addons compares batch^3 triplets, about 8 GB at 768 and 19 GB at 1024.
BATCH_SIZES = {256: SIDES, 512: SIDES, 768: SIDES, 4096: SIDES[:2], 1024: SIDES}
GIGABYTES_FREE = {("addons", 768): 10.0, ("addons", 1024): 21.0}
RESULT = Path(__file__).parent / "results" / "triplet_loss.md"


def main() -> None:
    """Runs every batch size, prints the table and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch_sizes", type=int, nargs="+", default=[*BATCH_SIZES])
    parser.add_argument("--worker", choices=SIDES, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.worker, *arguments.batch_sizes)
        return
    measured = {size: measure(size, arguments.rounds) for size in arguments.batch_sizes}
    report = f"{preamble(arguments.rounds)}\n{table(measured)}\n"
    print(report)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(report)


def measure(batch_size: int, rounds: int) -> dict[str, tuple[float, float] | str]:
    """Seconds and megabytes of each implementation, or why it was left out."""
    results: dict[str, tuple[float, float] | str] = {}
    workers = {}
    for side in BATCH_SIZES[batch_size]:
        needed = GIGABYTES_FREE.get((side, batch_size), 0.0)
        if needed > gigabytes_available():
            results[side] = f"skipped: {needed:.0f} GB were not free"
        else:
            workers[side] = start(side, batch_size)
    seconds = {side: [] for side in workers}
    for _ in range(rounds):
        for side, worker in workers.items():
            seconds[side].append(ask(worker, "step"))
    for side, worker in workers.items():
        results[side] = statistics.median(seconds[side]), ask(worker, "peak")
        worker.communicate()
    return results


def start(side: str, batch_size: int) -> subprocess.Popen:
    """Starts a worker and waits until it is warm."""
    arguments = ["--worker", side, "--batch_sizes", str(batch_size)]
    worker = subprocess.Popen(  # noqa: S603
        [sys.executable, __file__, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    ask(worker, "step")
    return worker


def ask(worker: subprocess.Popen, question: str) -> float:
    """Sends one line to a worker and returns the number that it answers."""
    worker.stdin.write(f"{question}\n")
    worker.stdin.flush()
    answer = worker.stdout.readline()
    if not answer:
        raise RuntimeError(
            f"A worker ended without an answer (status {worker.wait()}). Run it by "
            f"itself to see why: {' '.join(worker.args)}, then type: step"
        )
    return float(answer)


def work(side: str, batch_size: int) -> None:
    """Answers each "step" with its seconds and "peak" with the megabytes added."""
    step = make_step(side)
    step(16)  # Allocates the memory that all batch sizes share.
    before = peak_megabytes()
    for line in sys.stdin:
        if line.strip() == "step":
            began = time.perf_counter()
            step(batch_size)
            print(time.perf_counter() - began, flush=True)
        else:
            print(peak_megabytes() - before, flush=True)


def make_step(side: str):
    """A function from a batch size to nothing that computes one value and gradient."""
    import tensorflow as tf  # noqa: PLC0415

    from cv_tf.losses import triplet_semihard_loss  # noqa: PLC0415
    from cv_tf.methods.build import import_addons  # noqa: PLC0415

    loss = triplet_semihard_loss
    if side == "addons":
        loss = import_addons().losses.triplet_semihard_loss

    @tf.function(jit_compile=side == "cv_tf, XLA" or None)
    def value_and_gradient(labels, embeddings):
        with tf.GradientTape() as tape:
            tape.watch(embeddings)
            value = loss(labels, embeddings)
        return value, tape.gradient(value, embeddings)

    def step(batch_size: int) -> None:
        labels = tf.range(batch_size) // PRODUCTS_PER_STYLE
        noise = tf.random.stateless_normal([batch_size, EMBEDDING_SIZE], seed=[0, 0])
        _, gradient = value_and_gradient(labels, tf.math.l2_normalize(noise, axis=1))
        gradient.numpy()

    return step


def peak_megabytes() -> float:
    """The peak memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def gigabytes_available() -> float:
    """The memory that is available to a new process."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return float(line.split()[1]) / 2**20
    raise RuntimeError("/proc/meminfo has no MemAvailable line; Linux was expected.")


def preamble(rounds: int) -> str:
    """The head of the report: the command and the machine."""
    command = " ".join(["python", "benchmarks/triplet_loss.py", *sys.argv[1:]])
    names = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    machine = f"{os.cpu_count()} cores of {names[0] if names else platform.machine()}"
    return (
        "# Semi-hard triplet loss: value and gradient\n\n"
        f"`{command}` on {machine}, Python {platform.python_version()}. "
        f"Median of {rounds} rounds taken in turns; memory is what the steps add to "
        "the peak of the process.\n"
    )


def table(measured: dict[int, dict[str, tuple[float, float] | str]]) -> str:
    """A Markdown table with one row for each batch size and implementation."""
    lines = [
        "| batch | loss | seconds | MB | times faster | times smaller |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for batch_size, results in sorted(measured.items()):
        peer = results.get("addons")
        for side in (side for side in SIDES if side in results):
            result = results[side]
            if isinstance(result, str):
                lines.append(f"| {batch_size} | {side} | {result} | | | |")
                continue
            cells = [f"{result[0]:.3f}", f"{result[1]:.0f}", "", ""]
            if side != "addons" and isinstance(peer, tuple):
                ratios = zip(peer, result, strict=True)
                cells[2:] = [f"{theirs / ours:.1f}" for theirs, ours in ratios]
            lines.append(f"| {batch_size} | {side} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
