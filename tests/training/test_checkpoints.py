"""Checkpoints come back exactly, and damaged ones never do."""

import json
import random
import resource
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

from cv_tf.methods import Method
from cv_tf.training.checkpoints import CheckpointError, Checkpoints


class Toy(Method):
    """Learns a vector of three towards zero, with Adam; enough to have a state."""

    def __init__(self):
        super().__init__(keras.Sequential([keras.Input((3,))]))
        self.vector = tf.Variable([1.0, 2.0, 3.0])
        self.compile(optimizer=keras.optimizers.Adam(0.1))

    def features(self, images, seed, rows=None):
        return (images,)

    def objective(self, features, styles):
        return tf.reduce_sum(self.vector**2), self.vector[tf.newaxis]

    def learn(self, num_steps: int) -> None:
        for _ in range(num_steps):
            self.train_step({"image": tf.zeros([1, 3]), "style": None})

    def state(self) -> list[np.ndarray]:
        variables = [self.step, self.vector, *self.optimizer.variables]
        return [variable.numpy() for variable in variables]


def saved(folder: Path, *steps: int) -> Toy:
    """A method that was saved after each of the steps."""
    toy = Toy()
    checkpoints = Checkpoints(folder, toy)
    for step in steps:
        toy.learn(step - int(toy.step))
        checkpoints.save()
    return toy


def restored(folder: Path) -> tuple[int, Toy]:
    toy = Toy()
    return Checkpoints(folder, toy).restore(), toy


def assert_equal(first: Toy, second: Toy) -> None:
    for a, b in zip(first.state(), second.state(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_without_a_checkpoint_nothing_changes(tmp_path):
    step, toy = restored(tmp_path)
    assert step == toy.step == toy.optimizer.iterations == 0
    np.testing.assert_array_equal(toy.vector, [1, 2, 3])


def test_all_of_the_state_comes_back(tmp_path):
    toy = saved(tmp_path, 3)
    assert toy.optimizer.iterations == 3
    assert np.abs(toy.optimizer.variables[2]).min() > 0  # The first momentum.
    step, other = restored(tmp_path)
    assert step == 3
    assert_equal(toy, other)
    toy.learn(2)
    other.learn(2)
    assert_equal(toy, other)


def test_the_newest_comes_back_and_few_are_kept(tmp_path):
    toy = saved(tmp_path, 2, 4, 6, 11)
    step, other = restored(tmp_path)
    assert step == 11
    assert_equal(toy, other)
    kept = {path.stem for path in tmp_path.glob("*.index")}
    assert kept == {"ckpt-6", "ckpt-11"}


def test_a_step_is_saved_once(tmp_path):
    toy = Toy()
    checkpoints = Checkpoints(tmp_path, toy)
    toy.learn(1)
    checkpoints.save()
    (tmp_path / "ckpt-1.index").unlink()
    checkpoints.save()
    assert not (tmp_path / "ckpt-1.index").exists()
    toy.learn(1)
    checkpoints.save()
    assert (tmp_path / "ckpt-2.index").exists()


def test_what_the_index_does_not_name_is_not_there(tmp_path):
    toy = saved(tmp_path, 2)
    half = (tmp_path / "ckpt-2.data-00000-of-00001").read_bytes()[:100]
    (tmp_path / "ckpt-4.data-00000-of-00001").write_bytes(half)
    (tmp_path / "ckpt-4.index").write_bytes((tmp_path / "ckpt-2.index").read_bytes())
    parts = tmp_path / "ckpt-6_temp"
    parts.mkdir()
    (parts / "part-00000-of-00001.data-00000-of-00001.tempstate1").write_bytes(half)
    (tmp_path / "checkpoint.tmp0123").write_text('model_checkpoint_path: "ckpt-4"\n')
    step, other = restored(tmp_path)
    assert step == 2
    assert_equal(toy, other)
    # And it is no obstacle to saving there.
    other.learn(2)
    Checkpoints(tmp_path, other).save()
    step, third = restored(tmp_path)
    assert step == 4
    assert_equal(other, third)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGES = [
    (damage, part)
    for part in ("data-00000-of-00001", "index")
    for damage in (truncate, empty, flip_a_bit, Path.unlink)
]


@pytest.mark.parametrize(("damage", "part"), DAMAGES)
def test_a_damaged_checkpoint_gives_way_to_an_older_one(damage, part, tmp_path):
    older = saved(tmp_path / "older", 3)
    saved(tmp_path / "run", 3, 5)
    damage(tmp_path / "run" / f"ckpt-5.{part}")
    step, toy = restored(tmp_path / "run")
    assert step == 3
    assert_equal(older, toy)
    # Arrived at the damaged step again, it is replaced.
    again = Checkpoints(tmp_path / "run", toy)
    again.restore()
    toy.learn(2)
    again.save()
    assert restored(tmp_path / "run")[0] == 5


def test_nothing_but_damaged_checkpoints_is_an_error(tmp_path):
    saved(tmp_path, 3, 5)
    for path in tmp_path.glob("*.data*"):
        truncate(path)
    with pytest.raises(CheckpointError, match=r"ckpt-5, ckpt-3\. Delete") as caught:
        restored(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_checkpoints_of_another_model_are_an_error(tmp_path):
    other = tf.train.Checkpoint(method=tf.train.Checkpoint(step=tf.Variable(7)))
    tf.train.CheckpointManager(other, str(tmp_path), max_to_keep=2).save()
    with pytest.raises(CheckpointError, match="ckpt-1"):
        restored(tmp_path)


def test_a_clock_that_was_set_back_loses_nothing(tmp_path, monkeypatch):
    with monkeypatch.context() as future:
        future.setattr("time.time", lambda: 4e9)
        toy = saved(tmp_path, 2, 4)
    step, other = restored(tmp_path)
    assert step == 4
    assert_equal(toy, other)


def index_alone(path):
    """Nothing but the index is left of a folder's checkpoints."""
    for data in path.parent.glob("*.data*"):
        data.unlink()


LISTS = {
    "empty": b"",
    "no text": bytes(range(256)),
    "not closed": b'model_checkpoint_path: "ckpt-',
    "another message": b'name: "x" value { int64_list { value: 3 } }',
    "outside": b'model_checkpoint_path: "../outside/ckpt-9"\n'
    b'all_model_checkpoint_paths: "../outside/ckpt-8"\n'
    b'all_model_checkpoint_paths: "../outside/ckpt-9"\n',
    "absolute": b'model_checkpoint_path: "/etc/passwd"\n'
    b'all_model_checkpoint_paths: "/etc/passwd"\n',
    "missing files": b'model_checkpoint_path: "ckpt-99"\n'
    b'all_model_checkpoint_paths: "ckpt-98"\n'
    b'all_model_checkpoint_paths: "ckpt-99"\n',
    "the older one": b'model_checkpoint_path: "ckpt-3"\n',
    "times": b'model_checkpoint_path: "ckpt-3"\n'
    b'all_model_checkpoint_paths: "ckpt-3"\n'
    b"all_model_checkpoint_timestamps: 4e99\nlast_preserved_timestamp: nan\n",
    "none": None,
}


@pytest.mark.parametrize("content", LISTS.values(), ids=LISTS.keys())
def test_the_list_is_not_needed(content, tmp_path):
    outside = saved(tmp_path / "outside", 8, 9)
    toy = saved(tmp_path / "run", 3, 5)
    listed = tmp_path / "run" / "checkpoint"
    if content is None:
        listed.unlink()
    else:
        listed.write_bytes(content)
    step, other = restored(tmp_path / "run")
    assert step == 5
    assert_equal(toy, other)
    again = Checkpoints(tmp_path / "run", other)
    for _ in range(3):
        other.learn(1)
        again.save()
    found = {path.name for path in (tmp_path / "run").glob("*.index")}
    assert found == {"ckpt-7.index", "ckpt-8.index"}
    assert tf.train.latest_checkpoint(tmp_path / "run").endswith("ckpt-8")
    step, untouched = restored(tmp_path / "outside")
    assert step == 9
    assert_equal(outside, untouched)


@pytest.mark.parametrize("seed", few(*range(8), more=range(8, 30)))
def test_a_flipped_bit_is_noticed_or_means_nothing(seed, tmp_path):
    older = saved(tmp_path / "older", 3)
    newer = saved(tmp_path / "run", 3, 5)
    draw = random.Random(seed)
    path = tmp_path / "run" / f"ckpt-5.{draw.choice(['data-00000-of-00001', 'index'])}"
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)
    step, toy = restored(tmp_path / "run")
    assert_equal({3: older, 5: newer}[step], toy)


@pytest.mark.parametrize("damage", [Path.unlink, index_alone])
def test_lost_files_are_an_error(damage, tmp_path):
    saved(tmp_path, 3, 5)
    for path in tmp_path.glob("*.index"):
        damage(path)
    with pytest.raises(CheckpointError, match=r"can be used: .*Delete that folder"):
        restored(tmp_path)


def test_a_kill_before_the_very_first_was_written_loses_nothing(tmp_path):
    saved(tmp_path, 3)
    (tmp_path / "checkpoint").unlink()
    (tmp_path / "ckpt-3.index").unlink()
    (tmp_path / "ckpt-3_temp").mkdir()
    step, toy = restored(tmp_path)
    assert step == 0
    toy.learn(2)
    Checkpoints(tmp_path, toy).save()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"checkpoint", "ckpt-2.index", "ckpt-2.data-00000-of-00001"}


def test_those_of_an_earlier_version_are_restored(tmp_path):
    """A manager of TensorFlow's saved them, with a counter, and without the run."""
    toy = Toy()
    toy.learn(4)
    checkpoints = Checkpoints(tmp_path / "other", toy)
    with pytest.MonkeyPatch.context() as patch:
        names = ("seconds", "steady_seconds", "steady_steps", "peak_bytes")
        state = json.dumps(dict.fromkeys(names, 7))
        patch.setattr(type(checkpoints.cost), "serialize", lambda _: state)
        manager = tf.train.CheckpointManager(
            checkpoints._checkpoint, str(tmp_path / "run"), max_to_keep=2
        )
        manager.save(checkpoint_number=4)
    again = Toy()
    restored_by = Checkpoints(tmp_path / "run", again)
    restored_by.cost.run = "this run"
    assert restored_by.restore() == 4
    assert restored_by.cost.seconds == 7
    assert_equal(toy, again)


def test_those_of_another_run_are_refused(tmp_path):
    toy = Toy()
    checkpoints = Checkpoints(tmp_path, toy)
    checkpoints.cost.run = "the first run"
    toy.learn(3)
    checkpoints.save()
    other = Checkpoints(tmp_path, Toy())
    other.cost.run = "the second run"
    with pytest.raises(CheckpointError, match="can be used: ckpt-3"):
        other.restore()
    assert other.cost.run == "the second run"
    for run in ("the first run", ""):
        same = Checkpoints(tmp_path, Toy())
        same.cost.run = run
        assert same.restore() == 3


def test_one_with_the_name_of_another_step_is_refused(tmp_path):
    saved(tmp_path, 3, 5)
    for path in list(tmp_path.glob("ckpt-3.*")):
        path.rename(path.with_name(path.name.replace("-3.", "-9.")))
    assert restored(tmp_path)[0] == 5


def test_a_full_disk_is_told_and_the_run_goes_on_later(tmp_path):
    toy = saved(tmp_path, 3)
    checkpoints = Checkpoints(tmp_path, toy)
    toy.learn(2)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(CheckpointError) as error:
            checkpoints.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(error.value).startswith(
        f"No checkpoint can be written to '{tmp_path}': File too large. Make room "
        "there, and run the same command again"
    )
    assert {path.stem for path in tmp_path.iterdir()} == {"checkpoint", "ckpt-3"}
    assert restored(tmp_path)[0] == 3
    checkpoints.save()
    assert restored(tmp_path)[0] == 5


@pytest.mark.parametrize(
    "kind", ["ResourceExhausted", "Unknown", "Internal", "FailedPrecondition"]
)
def test_whatever_tensorflow_says_of_a_disk_is_one_sentence(
    kind, tmp_path, monkeypatch
):
    toy = saved(tmp_path, 3)
    checkpoints = Checkpoints(tmp_path, toy)
    toy.learn(2)
    message = "{{function_node x}} /ckpt-5_temp/part; No space left on device [Op:Save]"

    def refuse(*_):
        raise getattr(tf.errors, f"{kind}Error")(None, None, message)

    monkeypatch.setattr(tf.train.Checkpoint, "write", refuse)
    with pytest.raises(CheckpointError, match="': No space left on device"):
        checkpoints.save()
