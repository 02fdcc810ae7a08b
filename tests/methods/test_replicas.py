"""Two replicas with half the batch each are one with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import replicas

SCRIPT = Path(replicas.__file__)


def _start(strategy, output, **environment):
    # Both compute threads of a small machine; half of them would be no faster.
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), strategy, str(output), *replicas.SETTINGS],
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finish(processes, output):
    for process in processes:
        _, errors = process.communicate(timeout=600)
        assert process.returncode == 0, errors[-3000:]
    with np.load(output) as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """What one replica learns, of each of the settings."""
    output = tmp_path_factory.mktemp("one") / "steps.npz"
    return _finish([_start("cpu", output)], output)


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory):
    """What two replicas of one process learn."""
    output = tmp_path_factory.mktemp("mirrored") / "steps.npz"
    return _finish([_start("mirrored", output)], output)


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory, tf_configs):
    """What two processes learn."""
    output = tmp_path_factory.mktemp("workers") / "steps.npz"
    started = [_start("multi_worker", output, TF_CONFIG=text) for text in tf_configs(2)]
    return _finish(started, output)


@pytest.mark.parametrize("name", replicas.SETTINGS)
@pytest.mark.parametrize("spread", ["mirrored", "two_workers"])
def test_two_replicas_learn_what_one_does(request, one, spread, name):
    two = request.getfixturevalue(spread)
    keys = [key for key in one if key.startswith(f"{name}/")]
    assert keys == [key for key in two if key.startswith(f"{name}/")]
    for key in keys:
        # Batch normalization over replicas takes the variance in another way.
        np.testing.assert_allclose(
            two[key], one[key], rtol=1e-3, atol=5e-4, err_msg=key
        )


@pytest.mark.parametrize("name", replicas.SETTINGS)
def test_every_step_teaches_something(one, name):
    first, second = (
        [value for key, value in one.items() if key.startswith(f"{name}/{step}/")]
        for step in (0, 1)
    )
    moved = sum(
        not np.allclose(a, b, atol=5e-3) for a, b in zip(first, second, strict=True)
    )
    assert moved > 1


def test_a_pass_in_pieces_teaches_what_a_pass_of_all_does(one):
    for key in one:
        if key.startswith("moco/"):
            other = one[key.replace("moco", "micro_batch")]
            np.testing.assert_allclose(other, one[key], atol=1e-5, err_msg=key)
