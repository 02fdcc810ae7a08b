"""Estimates the traffic and the computation of a training step on many devices.

    python benchmarks/scaling.py
    python benchmarks/scaling.py --method=moco --image_size=128 --share=64

For 8, 64 and 512 devices. Counts are those of the method itself (variables, features,
projections, operations of the backbone), speeds those that the makers of the hardware
publish. A device is assumed to reach --utilization of its peak, which separable
convolutions hardly exceed. Nothing is run on these devices. Prints Markdown and writes
it to benchmarks/results/scaling.md and .json.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from pathlib import Path

from stored_tables import write_results

from cv_tf import strategy  # noqa: F401  First, so that TensorFlow has Keras 2.

# isort: split
import numpy as np
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2_as_graph,
)

from cv_tf.config import Config
from cv_tf.methods import Method, build_embedder, build_method

RESULT = Path(__file__).parent / "results" / "scaling.md"
DEVICES = (8, 64, 512)
PASSES = 3  # Forward, and backward by inputs and by weights.
FLOAT = 4  # Bytes: gradients and projections are exchanged in float32.


@dataclasses.dataclass(frozen=True)
class Hardware:
    """Published speeds of a device.

    Attributes:
      name: Name of the device and its network.
      flops: Peak operations in bfloat16 per second.
      inside: Bytes per second and direction between devices of a group.
      group: Number of devices in a group.
      outside: Bytes per second of each device to other groups.
    """

    name: str
    flops: float
    inside: float
    group: int
    outside: float

    def bandwidth(self, num_devices: int) -> float:
        """Bytes per second of the slowest link of a ring of devices."""
        return self.inside if num_devices <= self.group else self.outside


HARDWARE = (
    Hardware("A100, NVLink, 200 Gb/s a GPU between nodes", 312e12, 300e9, 8, 25e9),
    Hardware("H100, NVLink, 400 Gb/s a GPU between nodes", 989e12, 450e9, 8, 50e9),
    Hardware("TPU v4, one slice", 275e12, 300e9, 4096, 25e9),
    Hardware("A100, machines of 8 on 100 Gb/s Ethernet", 312e12, 300e9, 8, 1.6e9),
)


@dataclasses.dataclass(frozen=True)
class Step:
    """Traffic and computation of one device in a step.

    Attributes:
      input_bytes: Bytes of uint8 photos from the host.
      gather_bytes: Bytes on each link of a ring for projections and their gradients.
      gradient_bytes: Bytes on each link of a ring for gradients of variables.
      operations: Floating-point operations of the backbone and of similarities.
    """

    input_bytes: float
    gather_bytes: float
    gradient_bytes: float
    operations: float


def count(
    method: Method, config: Config, share: int, num_devices: int, operations: float
) -> Step:
    """Counts a step of one device.

    Args:
      method: Method that is trained.
      config: Settings of the method.
      share: Number of photos on each device.
      num_devices: Number of devices.
      operations: Floating-point operations of the backbone for one view.
    """
    batch = share * num_devices
    side = config.image_size
    ring = 2 * (num_devices - 1) / num_devices  # Reduce, then spread.
    num_learned = sum(int(np.prod(v.shape)) for v in method.learned_variables)
    encoder = method.encoder
    products = batch * encoder.num_parts * encoder.dimensions
    # Both views and their gradients; for MoCo, the keys of one view alone.
    exchanged = {"moco": 1, "byol": 0, "simsiam": 0}.get(config.method, 4) * products
    pairs = 4 * share * batch * encoder.num_parts * encoder.dimensions
    if config.method not in ("simclr", "part_contrast"):
        pairs = 0
    passes = PASSES + (1 if config.method in ("moco", "byol") else 0)
    backbone = 2 * share * operations * passes
    return Step(
        input_bytes=share * side * side * 3,
        gather_bytes=ring * exchanged * FLOAT,
        gradient_bytes=ring * num_learned * FLOAT,
        operations=backbone + 2 * PASSES * pairs,
    )


def operations_of(method: Method, side: int) -> float:
    """Floating-point operations of the backbone for one view."""
    backbone = tf.function(method.embedder.backbone)
    concrete = backbone.get_concrete_function(tf.TensorSpec([1, side, side, 3]))
    _, definition = convert_variables_to_constants_v2_as_graph(concrete)
    with tf.Graph().as_default() as graph:
        tf.graph_util.import_graph_def(definition, name="")
        profiler = tf.compat.v1.profiler
        options = profiler.ProfileOptionBuilder(
            profiler.ProfileOptionBuilder.float_operation()
        )
        counted = profiler.profile(graph, options=options.with_empty_output().build())
    return float(counted.total_float_ops)


def rows(method: Method, config: Config, share: int, use: float) -> Iterator[list[str]]:
    """The cells of the table, a row for each hardware and number of devices."""
    operations = operations_of(method, config.image_size)
    steps = {n: count(method, config, share, n, operations) for n in DEVICES}
    for hardware in HARDWARE:
        for num_devices, step in steps.items():
            bandwidth = hardware.bandwidth(num_devices)
            seconds = {
                "compute": step.operations / (use * hardware.flops),
                "gather": step.gather_bytes / bandwidth,
                "gradients": step.gradient_bytes / bandwidth,
            }
            total = sum(seconds.values())
            yield [
                hardware.name,
                str(num_devices),
                f"{share * num_devices:,}",
                f"{step.operations / 1e9:,.0f}",
                f"{step.gather_bytes / 1e6:,.1f}",
                f"{step.gradient_bytes / 1e6:,.1f}",
                *(f"{1e3 * value:,.2f}" for value in seconds.values()),
                f"{step.input_bytes / total / 1e9:,.2f}",
                max(seconds, key=seconds.get),
            ]


HEAD = (
    "hardware",
    "devices",
    "batch",
    "GFLOP",
    "gather, MB",
    "gradients, MB",
    "compute, ms",
    "gather, ms",
    "gradients, ms",
    "input, GB/s",
    "limit",
)


def main() -> None:
    """Prints the table and writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", default="part_contrast")
    parser.add_argument("--image_size", type=int, default=224)
    parser.add_argument("--share", type=int, default=128, help="photos a device")
    parser.add_argument("--utilization", type=float, default=0.1)
    arguments = parser.parse_args()
    config = Config(
        method=arguments.method, image_size=arguments.image_size, weights="none"
    )
    method = build_method(config, build_embedder(config))
    lines = [
        "# What limits a step on accelerators",
        "",
        f"`{arguments.method}`, {config.backbone}, {config.image_size} px, "
        f"{arguments.share} photos a device, {arguments.utilization:.0%} of the peak "
        "in bfloat16; each device, each step:",
        "",
        f"| {' | '.join(HEAD)} |",
        f"| {' | '.join(['---'] + ['---:'] * (len(HEAD) - 2) + ['---'])} |",
    ]
    cells = rows(method, config, arguments.share, arguments.utilization)
    lines += [f"| {' | '.join(row)} |" for row in cells]
    text = "\n".join(lines)
    print(text)
    write_results(RESULT, f"{text}\n")


if __name__ == "__main__":
    main()
