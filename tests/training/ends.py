"""What runs end with, to be compared."""

import re
import time
from pathlib import Path
from subprocess import Popen

import numpy as np
import tensorflow as tf

from cv_tf.models import Embedder


def state(workdir: str) -> dict[str, np.ndarray]:
    """All numbers that a run ends with: its last checkpoint, and the Embedder."""
    reader = tf.train.load_checkpoint(Path(workdir, "checkpoints"))
    numbers = {
        name: reader.get_tensor(name)
        for name, kind in reader.get_variable_to_dtype_map().items()
        # How often a run was saved is not what it learned.
        if kind != tf.string and not name.startswith("save_counter")
    }
    embedder = Embedder.load(Path(workdir, "embedder.keras"))
    for i, value in enumerate(embedder.get_weights()):
        numbers[f"embedder {i}"] = value
    return numbers


def assert_same_end(first: str, second: str, *parts: str) -> None:
    """Compares two finished runs; `parts` must be among what is compared."""
    a, b = state(first), state(second)
    for part in ("optimizer", "step", "embedder 0", *parts):
        assert any(part in name for name in a), part
    assert set(a) == set(b)
    for name in a:
        np.testing.assert_array_equal(a[name], b[name], name)


def assert_like_embedders(first: str, second: str) -> None:
    """Compares what two finished runs learned, up to the order of sums."""
    a, b = state(first), state(second)
    for name in a:
        if name.startswith("embedder"):
            np.testing.assert_allclose(b[name], a[name], atol=1e-3)


def wait_for_checkpoint(workdir: str, step: int, *processes: Popen) -> None:
    """Waits until a run has saved a step, while its processes are alive."""
    while saved_step(workdir) < step:
        assert all(process.poll() is None for process in processes)
        time.sleep(0.01)


def saved_step(workdir: str) -> int:
    """The step of the newest checkpoint; 0 without one."""
    index = Path(workdir, "checkpoints", "checkpoint")
    if not index.exists():
        return 0
    return int(re.match(r'model_checkpoint_path: "ckpt-(\d+)"', index.read_text())[1])
