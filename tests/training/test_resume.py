"""Killed at any moment and started again: the same weights, bit for bit."""

import os
import random
import signal
import time
from pathlib import Path

import pytest
from ends import assert_same_end, saved_step

from cv_tf import train
from cv_tf.config import Config
from cv_tf.errors import Interrupted
from cv_tf.models import Embedder
from cv_tf.report import show_first_batch
from cv_tf.training.callbacks import ProgressBar

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("no_pictures")]


class PowerCutError(Exception):
    """The end of everything, as far as the run can tell."""


@pytest.fixture
def power_cut(monkeypatch):
    """A function that runs a config until the power is cut, before step N is saved.

    It returns the steps that were made.
    """

    def run_until(config: Config, last_step: int) -> list[int]:
        steps = []
        on_steps = ProgressBar.on_steps

        def count(bar, before, step, logs):
            on_steps(bar, before, step, logs)
            steps.append(step)
            if step >= last_step:
                raise PowerCutError

        with monkeypatch.context() as patch, pytest.raises(PowerCutError):
            patch.setattr(ProgressBar, "on_steps", count)
            train.run(config)
        return steps

    return run_until


@pytest.fixture(scope="module")
def through(tiny_run, no_pictures, tmp_path_factory):
    """A run of the plain method that was never stopped."""
    config = tiny_run(tmp_path_factory.mktemp("through") / "run")
    train.run(config)
    return config


@pytest.mark.slow
def test_two_runs_are_alike(through, tiny_run, tmp_path):
    """And probing on the way leaves no trace."""
    config = tiny_run(tmp_path / "run", probe_every=1)
    train.run(config)
    assert_same_end(through.workdir, config.workdir)


def test_power_cuts(through, tiny_run, power_cut, read_events, tmp_path, monkeypatch):
    monkeypatch.setattr("cv_tf.report.show_first_batch", show_first_batch)
    config = tiny_run(tmp_path / "run")
    assert power_cut(config, 2) == [1, 2]  # Before there is any checkpoint.
    assert saved_step(config.workdir) == 0
    assert power_cut(config, 5) == [1, 2, 3, 4, 5]
    assert saved_step(config.workdir) == 3
    assert power_cut(config, 4) == [4]
    with monkeypatch.context() as patch, pytest.raises(AttributeError):
        patch.setattr(Embedder, "save", property())  # When all is learned.
        train.run(config)
    assert saved_step(config.workdir) == 8
    train.run(config)
    assert_same_end(through.workdir, config.workdir)
    series = read_events(tmp_path / "run" / "tensorboard")
    views = [series[name] for name in series if name.startswith("views/")]
    # All of these beginnings have written them once.
    assert [[step for step, _ in points] for points in views] == [[0]] * 8


@pytest.mark.slow
def test_several_steps_an_execution(through, tiny_run, power_cut, tmp_path):
    config = tiny_run(tmp_path / "run", steps_per_execution=3, checkpoint_every=2)
    assert power_cut(config, 6) == [3, 6]
    assert saved_step(config.workdir) == 3
    train.run(config)
    assert saved_step(config.workdir) == 8
    assert_same_end(through.workdir, config.workdir)


VARIANTS = {
    "queue and momentum encoder": (
        {"method": "moco", "queue_size": 24, "freeze_batch_norm": False},
        ("method/queue", "method/momentum_encoder", "moving_mean"),
    ),
    "rising momentum and predictor": (
        {"method": "byol", "views": "parts"},
        ("method/predictor", "method/momentum_encoder"),
    ),
    "predictor at a constant rate": (
        {"method": "simsiam", "optimizer": "lars"},
        ("method/predictor",),
    ),
    "triplet": (
        {"method": "triplet", "products_per_style": 2, "optimizer": "sgd"}
        | {
            "weight_decay": 0.01,
            "clip_norm": 1.0,
            "batches": "block",
            "flip": 0.5,
            "blur": 0.5,
        },
        (),
    ),
    "pseudo-labels": (
        {"method": "triplet", "products_per_style": 2, "pseudo_labels": "all"},
        (),
    ),
}


@pytest.mark.slow  # Three trainings each.
@pytest.mark.parametrize("variant", VARIANTS)
def test_power_cuts_of(variant, tiny_run, power_cut, tmp_path):
    settings, parts = VARIANTS[variant]
    straight = tiny_run(tmp_path / "straight", steps=7, **settings)
    train.run(straight)
    config = tiny_run(tmp_path / "cut", steps=7, **settings)
    power_cut(config, 4)
    assert saved_step(config.workdir) == 3
    train.run(config)
    assert_same_end(straight.workdir, config.workdir, *parts)


@pytest.mark.slow
@pytest.mark.parametrize("jit_compile", ["off", "on"])
def test_power_cuts_of_a_real_backbone(jit_compile, tiny_run, power_cut, tmp_path):
    settings = {"backbone": "efficientnetlite_b0", "weights": "imagenet"}
    settings |= {"jit_compile": jit_compile, "steps": 5}
    straight = tiny_run(tmp_path / "straight", **settings)
    train.run(straight)
    config = tiny_run(tmp_path / "cut", **settings)
    power_cut(config, 4)
    train.run(config)
    assert_same_end(straight.workdir, config.workdir)


@pytest.mark.slow
def test_stopped_from_the_keyboard(through, tiny_run, tmp_path, monkeypatch):
    config = tiny_run(tmp_path / "run")
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    on_steps = ProgressBar.on_steps

    def ask(bar, before, step, logs):
        on_steps(bar, before, step, logs)
        if step == 4:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch, pytest.raises(Interrupted) as stopped:
        patch.setattr(ProgressBar, "on_steps", ask)
        train.run(config)
    assert stopped.value.exit_code == 130
    assert saved_step(config.workdir) == 4
    assert handlers == (
        signal.getsignal(signal.SIGTERM),
        signal.getsignal(signal.SIGINT),
    )
    train.run(config)
    assert_same_end(through.workdir, config.workdir)


LONG = 120  # Steps; a hundred of them take a second and more.


class TestProcesses:
    """The same with real processes and real signals."""

    @pytest.fixture(scope="class")
    def long_run(self, tiny_run, tmp_path_factory):
        def configure(workdir):
            return tiny_run(workdir, steps=LONG, checkpoint_every=10)

        config = configure(tmp_path_factory.mktemp("long") / "run")
        train.run(config)
        return config, configure

    def signalled(self, process, config: Config, number: int) -> str:
        """Sends a signal at a random moment after the first checkpoint."""
        with process:
            while saved_step(config.workdir) < 10 and process.poll() is None:
                time.sleep(0.005)
            time.sleep(0.2 * random.random())
            process.send_signal(number)
            _, errors = process.communicate()
        assert not Path(config.workdir, "embedder.keras").exists(), errors
        return errors

    @pytest.mark.slow
    def test_killed(self, long_run, start_verb, tmp_path):
        straight, configure = long_run
        config = configure(tmp_path / "run")
        process = start_verb("train", config)
        self.signalled(process, config, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert 10 <= saved_step(config.workdir) < LONG
        assert saved_step(config.workdir) % 10 == 0
        train.run(config)
        assert_same_end(straight.workdir, config.workdir)

    @pytest.mark.slow
    def test_terminated(self, long_run, start_verb, tmp_path):
        straight, configure = long_run
        config = configure(tmp_path / "run")
        process = start_verb("train", config)
        errors = self.signalled(process, config, signal.SIGTERM)
        assert process.returncode == 143
        step = saved_step(config.workdir)
        assert f"Stopped by SIGTERM after step {step}; a checkpoint is in" in errors
        assert config.workdir in errors
        assert "Traceback" not in errors
        train.run(config)
        assert_same_end(straight.workdir, config.workdir)
