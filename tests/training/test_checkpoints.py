"""Checkpoints come back exactly, and damaged ones never do."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

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
