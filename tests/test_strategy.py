import subprocess
import sys

import pytest
import tensorflow as tf

from cv_tf import strategy

# A process of its own: determinism cannot be switched off again.
REPEATABLE = """
import random
from cv_tf import strategy
import numpy as np, tensorflow as tf, tf_keras as keras

def draws(seed):
    strategy.make_repeatable(seed)
    weights = keras.layers.Dense(2)(tf.ones([1, 3])).numpy().tolist()
    return random.random(), np.random.random(), float(tf.random.uniform([])), weights

first = draws(3)
assert draws(3) == first
assert all(one != other for one, other in zip(first, draws(4)))
tf.random.set_seed(None)
try:
    tf.random.uniform([])
except RuntimeError as error:
    assert "determinism is enabled" in str(error)
else:
    raise AssertionError("an operation that cannot be repeated was let through")
"""


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [])


def _device(created):
    with created.scope():
        return tf.Variable(0.0).device


def test_cpu_is_taken_when_asked_for_even_beside_a_gpu(monkeypatch):
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: ["a GPU"])
    created = strategy.create("cpu")
    assert "CPU:0" in _device(created)
    assert created.num_replicas_in_sync == 1
    assert not strategy.is_accelerator(created)


def test_auto_takes_the_cpu_where_there_is_nothing_else(no_gpu):
    assert "CPU:0" in _device(strategy.create("auto"))
    assert "CPU:0" in _device(strategy.create())


def test_auto_and_gpu_take_a_gpu_and_let_its_memory_grow(monkeypatch):
    gpu = tf.config.PhysicalDevice("/physical_device:GPU:0", "GPU")
    growing = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind=None: [gpu])
    monkeypatch.setattr(
        tf.config.experimental,
        "set_memory_growth",
        lambda device, enable: growing.append((device, enable)),
    )
    for name in ("auto", "gpu"):
        created = strategy.create(name)
        assert created.extended.worker_devices[0].endswith("GPU:0")
        assert strategy.is_accelerator(created)
    assert growing == [(gpu, True), (gpu, True)]


def test_a_gpu_that_is_not_there_is_an_error_with_a_way_out(no_gpu):
    with pytest.raises(ValueError, match=r"sees no GPU.*pass --strategy=cpu"):
        strategy.create("gpu")


def test_a_seed_makes_all_that_is_random_repeatable():
    finished = subprocess.run(
        [sys.executable, "-c", REPEATABLE], capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stderr
