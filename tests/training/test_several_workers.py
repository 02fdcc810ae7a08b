"""Two workers on this machine, which are killed, told to stop, and started again."""

import signal
from pathlib import Path

import pytest
from ends import assert_like_embedders, assert_same_end, saved_step, wait_for_checkpoint

from cv_tf import train

# Each run of two workers takes 20 seconds of a core and more.
pytestmark = [
    pytest.mark.integration,
    pytest.mark.slow,
    pytest.mark.usefixtures("no_pictures"),
]

STEPS, EVERY = 60, 10


@pytest.fixture(scope="module")
def configure(tiny_run):
    """A function from a workdir to the settings of its run."""

    def configure(workdir, **settings):
        return tiny_run(workdir, steps=STEPS, checkpoint_every=EVERY, **settings)

    return configure


@pytest.fixture(scope="module")
def start(start_verb, tf_configs):
    """A function that starts the two workers of a run."""

    def start(config):
        return [
            start_verb("train", config, environment={"TF_CONFIG": text})
            for text in tf_configs(2)
        ]

    return start


def finish(workers):
    """The exit codes of workers, and what they wrote to their terminals."""
    outputs = [worker.communicate(timeout=300) for worker in workers]
    return [worker.returncode for worker in workers], outputs


@pytest.fixture(scope="module")
def undisturbed(start, configure, tmp_path_factory):
    """A run of two workers from beginning to end."""
    config = configure(tmp_path_factory.mktemp("undisturbed") / "run", probe_every=30)
    codes, outputs = finish(start(config))
    assert codes == [0, 0], outputs
    return config, outputs


def test_the_chief_alone_reports_and_writes(undisturbed):
    config, ((chief, errors), (other, _)) = undisturbed
    assert "recall@1" in chief
    assert f"Everything is in '{config.workdir}'" in chief
    assert "Traceback" not in errors
    assert other == ""
    workdir = Path(config.workdir)
    names = {path.name for path in workdir.iterdir()}
    assert {"checkpoints", "embedder.keras", "metrics.json", "rejects.csv"} <= names
    # The curves, the views, and the projector's folder.
    shown = sorted(path.name[:6] for path in (workdir / "tensorboard").iterdir())
    assert shown == ["events", "events", "projec"]


def test_two_workers_learn_what_one_process_does(undisturbed, configure, tmp_path):
    config = configure(tmp_path / "run")
    train.run(config)
    assert_like_embedders(config.workdir, undisturbed[0].workdir)


def test_all_workers_learn_from_the_groups_that_the_chief_finds(
    start, configure, tmp_path
):
    settings = {"method": "triplet", "pseudo_labels": "all", "freeze_batch_norm": True}
    alone = configure(tmp_path / "alone", **settings)
    train.run(alone)
    together = configure(tmp_path / "together", **settings)
    codes, outputs = finish(start(together))
    assert codes == [0, 0], outputs
    first, second = (Path(c.workdir, "pseudo_labels.csv") for c in (alone, together))
    assert first.read_text() == second.read_text()
    assert_like_embedders(alone.workdir, together.workdir)


@pytest.mark.parametrize("victim", [0, 1])
def test_one_is_killed_and_all_are_started_again(
    start, configure, undisturbed, tmp_path, victim
):
    config = configure(tmp_path / "run", probe_every=30)
    workers = start(config)
    wait_for_checkpoint(config.workdir, EVERY, *workers)
    workers[victim].kill()
    codes, outputs = finish(workers)
    assert codes[victim] == -signal.SIGKILL
    # The other one does not wait forever, so that its supervisor starts it again.
    assert codes[1 - victim] != 0
    if victim == 1:
        assert "Another worker has stopped" in outputs[0][1]
        assert "Start all workers again" in outputs[0][1]
    assert EVERY <= saved_step(config.workdir) < STEPS
    codes, outputs = finish(start(config))
    assert codes == [0, 0], outputs
    assert_same_end(undisturbed[0].workdir, config.workdir)


def test_one_is_told_to_stop_and_both_do(start, configure, undisturbed, tmp_path):
    config = configure(tmp_path / "run", probe_every=30)
    workers = start(config)
    wait_for_checkpoint(config.workdir, EVERY, *workers)
    workers[1].terminate()
    codes, outputs = finish(workers)
    assert codes == [143, 143], outputs
    step = saved_step(config.workdir)
    for _, errors in outputs:
        assert f"Stopped by SIGTERM after step {step}; a checkpoint is in" in errors
    codes, outputs = finish(start(config))
    assert codes == [0, 0], outputs
    assert_same_end(undisturbed[0].workdir, config.workdir)


def test_workers_without_a_common_folder_are_told(
    start_verb, tf_configs, tiny_run, tmp_path
):
    configs = [tiny_run(tmp_path / name, steps=4) for name in ("one", "other")]
    train.run(configs[0])
    Path(configs[0].workdir, "metrics.json").unlink()
    workers = [
        start_verb("train", config, environment={"TF_CONFIG": text})
        for config, text in zip(configs, tf_configs(2), strict=True)
    ]
    codes, outputs = finish(workers)
    assert codes == [1, 1], outputs
    for _, errors in outputs:
        assert "--workdir must be a folder that all of them share" in errors
