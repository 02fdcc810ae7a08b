"""Times the training loop, and the same steps on one batch in memory.

    python benchmarks/input_pipeline.py --catalog=photos/catalog.csv

These loops take turns after a warm-up: the training loop with photos decoded once and
held in memory; the training loop with photos decoded for every batch, from files and,
for a data set of shards (the default), also from shards with the same bytes; and the
bare step on one batch, repeated. If the input pipeline is fast enough, all rates are
near that of the bare step. Prints a Markdown table of images/s and of the ratio to the
bare step, paired by round, and writes it to benchmarks/results/input_pipeline.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cv_tf import strategy  # First, so that TensorFlow is loaded with Keras 2.

# isort: split
import numpy as np
import tensorflow as tf
import tf_keras as keras

from cv_tf.catalog import Catalog, read_products
from cv_tf.config import Config
from cv_tf.methods import build_embedder, build_method
from cv_tf.pipeline import RandomOrder, batches, photos_of
from cv_tf.training.fit import compile_method
from cv_tf.training.optimizers import build_optimizer

RESULT = Path(__file__).parent / "results" / "input_pipeline.md"


def main() -> None:
    """Runs the rounds, prints the table and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalog", default="", help="default: the embedded data set")
    parser.add_argument("--image_size", type=int, default=96)
    parser.add_argument("--steps", type=int, default=12, help="a round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        config = Config(
            catalog=arguments.catalog,
            cache_dir=cache,
            image_size=arguments.image_size,
            steps=1000,
        )
        loops = build_loops(config, arguments.steps, Path(cache))
        for loop in loops.values():
            loop()
        seconds = {name: [] for name in loops}
        for _ in range(arguments.rounds):
            for name, loop in loops.items():
                seconds[name].append(loop())
    report = f"{preamble(arguments)}\n{table(seconds, config, arguments.steps)}\n"
    print(report)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(report)


def build_loops(
    config: Config, steps: int, folder: Path
) -> dict[str, Callable[[], float]]:
    """The loops; each returns the seconds of its steps after the first."""
    catalog = read_products(config)
    catalogs = {"files": catalog}
    if catalog.records is not None:
        catalogs = {"shards": catalog, "files": as_files(catalog, folder)}
    device = strategy.create(config.strategy)
    with device.scope():
        method = build_method(config, build_embedder(config))
        compile_method(method, config, build_optimizer(config), device)
    decoded = photos_of(catalog, config, config.image_size)
    config.memory_gigabytes = 0.0
    encoded = {
        kind: photos_of(one, config, config.image_size)
        for kind, one in catalogs.items()
    }
    order = RandomOrder(len(decoded), config.batch_size, config.seed)
    one = next(iter(batches(decoded, order, num_steps=1)))
    sources = {
        "decoded once, in memory": batches(decoded, order),
        **{
            f"decoded for each batch, from {kind}": batches(photos, order)
            for kind, photos in encoded.items()
        },
        "bare step": tf.data.Dataset.from_tensors(one).repeat(),
    }

    def loop_over(source: tf.data.Dataset) -> Callable[[], float]:
        def seconds() -> float:
            clock = Clock()
            method.fit(source, steps_per_epoch=steps, verbose=0, callbacks=[clock])
            return clock.seconds

        return seconds

    return {name: loop_over(source) for name, source in sources.items()}


def as_files(catalog: Catalog, folder: Path) -> Catalog:
    """The same catalogue with one file a photo."""
    images = [str(folder / f"{row}.photo") for row in range(len(catalog))]
    for image, record in zip(images, catalog.record, strict=True):
        Path(image).write_bytes(catalog.records(int(record)))
    return dataclasses.replace(
        catalog, image=np.array(images, object), records=None, record=None
    )


class Clock(keras.callbacks.Callback):
    """Seconds from the end of the first step to the end of the last.

    The end of `fit`, which sometimes waits several seconds for its input to shut down,
    is left out.
    """

    def on_train_batch_end(self, batch, logs=None):  # noqa: ARG002 (as Keras calls it)
        """Notes the time."""
        now = time.perf_counter()
        self.start = now if batch == 0 else self.start
        self.seconds = now - self.start


def table(seconds: dict[str, list[float]], config: Config, steps: int) -> str:
    """Medians of images/s, and of the ratio to the bare step."""
    images = (steps - 1) * config.batch_size
    lines = ["| input | images/s | of the bare step |", "| --- | ---: | ---: |"]
    for name, times in seconds.items():
        rate = statistics.median(images / time for time in times)
        ratio = statistics.median(
            bare / time for bare, time in zip(seconds["bare step"], times, strict=True)
        )
        lines.append(f"| {name} | {rate:.1f} | {ratio:.2f} |")
    return "\n".join(lines)


def preamble(arguments: argparse.Namespace) -> str:
    """The head of the report: the measurement and the machine."""
    return (
        "# The training loop beside its bare step\n\n"
        f"`part_contrast`, EfficientNet-Lite0, batch 64, {arguments.image_size} px, "
        f"{arguments.rounds} rounds of {arguments.steps} steps in turns, "
        f"Python {platform.python_version()}, {platform.machine()}.\n"
    )


if __name__ == "__main__":
    main()
