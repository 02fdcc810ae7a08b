"""Two replicas with half the batch each are one with the whole batch."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import replicas

from cv_tf import strategy

# A minute of a core and more.
pytestmark = [pytest.mark.integration, pytest.mark.slow]

SCRIPT = Path(replicas.__file__)
NAMES = tuple(replicas.SETTINGS)


def _start(spread, output, **environment):
    # Both compute threads of a small machine; half of them would be no faster.
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), spread, str(output), *NAMES],
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
def one():
    """A function from a method's name to what one replica learns, in this process."""

    @functools.cache
    def learn(name):
        return replicas.steps_of(name, strategy.create("cpu"))

    return learn


@pytest.fixture(scope="module")
def two(tmp_path_factory, tf_configs):
    """A function from a method's name to what two replicas of a kind learn.

    Of one process, or of two, which takes ten seconds of a core each: all methods
    share them.
    """

    @functools.cache
    def learn_all(spread):
        output = tmp_path_factory.mktemp(spread) / "steps.npz"
        each = [{}]
        if spread == "multi_worker":
            each = [{"TF_CONFIG": text} for text in tf_configs(2)]
        started = [_start(spread, output, **variables) for variables in each]
        return _finish(started, output)

    def learn(spread, name):
        learned = learn_all(spread)
        return {key: learned[key] for key in learned if key.startswith(f"{name}/")}

    return learn


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("spread", ["mirrored", "multi_worker"])
def test_two_replicas_learn_what_one_does(one, two, spread, name):
    expected, found = one(name), two(spread, name)
    assert list(found) == list(expected)
    for key in expected:
        # Batch normalization over replicas takes the variance in another way.
        np.testing.assert_allclose(
            found[key], expected[key], rtol=1e-3, atol=5e-4, err_msg=key
        )


@pytest.mark.parametrize("name", NAMES)
def test_every_step_teaches_something(one, name):
    first, second = (
        [value for key, value in one(name).items() if key.startswith(f"{name}/{step}/")]
        for step in (0, 1)
    )
    moved = sum(
        not np.allclose(a, b, atol=5e-3) for a, b in zip(first, second, strict=True)
    )
    assert moved > 1


def test_a_pass_in_pieces_teaches_what_a_pass_of_all_does(one):
    whole, pieces = one("moco"), one("micro_batch")
    assert len(whole) == len(pieces) > 0
    for key in whole:
        other = pieces[key.replace("moco", "micro_batch")]
        np.testing.assert_allclose(other, whole[key], atol=1e-5, err_msg=key)
