"""Times a step of a large batch, and its memory, with passes in pieces and without.

    python benchmarks/large_batches.py
    python benchmarks/large_batches.py --batch_size=512 --micro_batches 0 64

Each run is a process of its own, which makes three steps of `--method` on photos in
memory (the first one, which compiles, is not timed) and prints the seconds of a step
and its peak memory. Runs take turns, --rounds of them; medians are listed.
Prints Markdown and writes it to benchmarks/results/large_batches.md and .json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from stored_tables import write_results

RESULT = Path(__file__).parent / "results" / "large_batches.md"
STEPS = 3


def measure(arguments: argparse.Namespace) -> None:
    """Makes the steps of one run and prints what they cost, as JSON."""
    from cv_tf import strategy as devices  # noqa: I001, PLC0415  Loads Keras 2 first.
    import numpy as np  # noqa: PLC0415
    import tensorflow as tf  # noqa: PLC0415

    from cv_tf.config import Config  # noqa: PLC0415
    from cv_tf.methods import build_embedder, build_method  # noqa: PLC0415
    from cv_tf.training.fit import compile_method  # noqa: PLC0415
    from cv_tf.training.optimizers import build_optimizer  # noqa: PLC0415

    config = Config(
        method=arguments.method,
        image_size=arguments.image_size,
        batch_size=arguments.batch_size,
        micro_batch=arguments.micro_batch,
    )
    strategy = devices.create("cpu")
    with strategy.scope():
        method = build_method(config, build_embedder(config))
        compile_method(method, config, build_optimizer(config, []), strategy)
    side = arguments.image_size
    random = np.random.default_rng(0)
    batch = {
        "image": random.integers(
            0, 256, (arguments.batch_size, side, side, 3), np.uint8
        ),
        "style": np.arange(arguments.batch_size, dtype=np.int32) // 4,
    }
    step = tf.function(method.train_step)
    seconds = []
    for _ in range(STEPS):
        start = time.perf_counter()
        float(step(batch)["loss"])
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps([statistics.median(seconds[1:]), peak]))


def run(arguments: argparse.Namespace, micro_batch: int) -> tuple[float, float]:
    """Seconds of a step and gigabytes of a run in a process of its own."""
    finished = subprocess.run(  # noqa: S603 (this very file)
        [
            *(sys.executable, __file__, f"--method={arguments.method}"),
            f"--image_size={arguments.image_size}",
            f"--batch_size={arguments.batch_size}",
            f"--micro_batch={micro_batch}",
        ],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    seconds, peak = json.loads(finished.stdout)
    return seconds, peak / 1e9


def main() -> None:
    """Runs all in turn, prints the table and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="part_contrast")
    parser.add_argument("--image_size", type=int, default=96)
    parser.add_argument("--batch_size", type=int, default=256)
    parser.add_argument("--micro_batches", type=int, nargs="+", default=[0, 64, 16])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--micro_batch", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.micro_batch is not None:
        measure(arguments)
        return
    runs: dict[int, list[tuple[float, float]]] = {
        n: [] for n in arguments.micro_batches
    }
    for _ in range(arguments.rounds):
        for micro_batch, results in runs.items():
            results.append(run(arguments, micro_batch))
    lines = [
        "# Batches that memory does not hold",
        "",
        f"`{arguments.method}`, {arguments.image_size} px, batch "
        f"{arguments.batch_size}, {os.cpu_count()} CPU cores ({platform.machine()}), "
        f"medians of {arguments.rounds} alternating runs:",
        "",
        "| photos at once | s a step | times the first | peak memory, GB |",
        "| ---: | ---: | ---: | ---: |",
    ]
    first = runs[arguments.micro_batches[0]]
    for micro_batch, results in runs.items():
        ratio = statistics.median(
            one[0] / other[0] for one, other in zip(results, first, strict=True)
        )
        seconds, peak = (
            statistics.median(column) for column in zip(*results, strict=True)
        )
        photos = micro_batch or arguments.batch_size
        lines.append(f"| {photos} | {seconds:.1f} | {ratio:.2f} | {peak:.2f} |")
    text = "\n".join(lines)
    print(text)
    write_results(RESULT, f"{text}\n")


if __name__ == "__main__":
    main()
