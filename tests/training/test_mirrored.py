"""A run on two devices of one process, which is told to stop, and started again."""

import os
import subprocess
import sys

import pytest
from ends import assert_like_embedders, assert_same_end, saved_step, wait_for_checkpoint

from cv_tf import command, train

# Two workers learn as one process does in make test, and two devices by method.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.integration,
    pytest.mark.usefixtures("no_pictures"),
]

# Two logical CPUs stand for two GPUs; no flag makes them.
TWO_DEVICES = """
import cv_tf.strategy  # Loads TensorFlow with Keras 2.
import tensorflow as tf
[cpu] = tf.config.list_physical_devices("CPU")
device = tf.config.LogicalDeviceConfiguration()
tf.config.set_logical_device_configuration(cpu, [device] * 2)

from cv_tf import command, train
from cv_tf.config import Config
command.run(train.main, Config)
"""


@pytest.fixture(scope="module")
def configure(tiny_run):
    """A function from a workdir to the settings of its run."""

    def configure(workdir, **settings):
        settings = {"strategy": "mirrored", "checkpoint_every": 10} | settings
        return tiny_run(workdir, steps=60, micro_batch=2, **settings)

    return configure


def start(config):
    """Starts a run on two devices."""
    flags = command.to_flagfile(config).split("\n")[:-1]
    return subprocess.Popen(
        [sys.executable, "-c", TWO_DEVICES, *flags],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """The exit code, and what was written to the terminal."""
    outputs = process.communicate(timeout=300)
    return process.returncode, outputs


@pytest.fixture(scope="module")
def undisturbed(configure, tmp_path_factory):
    """The settings of a run from beginning to end."""
    config = configure(tmp_path_factory.mktemp("undisturbed") / "run")
    code, (output, errors) = finish(start(config))
    assert code == 0, errors
    assert f"Everything is in '{config.workdir}'" in output
    return config


def test_two_devices_learn_what_one_does(undisturbed, configure, tmp_path):
    config = configure(tmp_path / "run", strategy="cpu")
    train.run(config)
    assert_like_embedders(config.workdir, undisturbed.workdir)


def test_it_is_told_to_stop_and_goes_on(configure, undisturbed, tmp_path):
    config = configure(tmp_path / "run")
    process = start(config)
    wait_for_checkpoint(config.workdir, 10, process)
    process.terminate()
    code, (_, errors) = finish(process)
    assert code == 143, errors
    step = saved_step(config.workdir)
    assert 10 <= step < 60
    assert f"Stopped by SIGTERM after step {step}; a checkpoint is in" in errors
    code, (_, errors) = finish(start(config))
    assert code == 0, errors
    assert_same_end(undisturbed.workdir, config.workdir)
