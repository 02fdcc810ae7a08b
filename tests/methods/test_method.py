import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.methods import Method
from cv_tf.models import Embedder, build_backbone


class Slope(Method):
    """Learns one number; its loss is three times that number."""

    def __init__(self, embedder, log, **kwargs):
        super().__init__(embedder, **kwargs)
        self.number = tf.Variable(2.0, name="number")
        self.log = log

    @property
    def learned_variables(self):
        return [self.number]

    def features(self, images, seed, rows=None):
        self.log("features", images, seed)
        return (tf.cast(images, tf.float32),)

    def objective(self, features, styles):
        self.log("objective", features, styles)
        return 3.0 * self.number, tf.constant([[1.0, 0.0], [-2.0, 0.0]])

    def after_update(self):
        self.log("after update", tf.identity(self.number))


@pytest.fixture
def events():
    return []


@pytest.fixture
def slope(events):
    embedder = Embedder(build_backbone("tiny", "none"), 32)
    method = Slope(embedder, lambda *event: events.append(event), seed=5)
    method.compile(keras.optimizers.SGD(0.1))
    return method


def test_a_step_by_hand(slope, events, batch):
    logs = slope.train_step(batch)
    # The gradient is 3, the rate 0.1.
    assert logs["loss"] == 6.0
    assert float(slope.number) == pytest.approx(2.0 - 0.3)
    # Of (1, 0) and (-1, 0): deviations 1 and 0, their mean times the root of 2.
    assert float(logs["embedding_std"]) == pytest.approx(0.5 * np.sqrt(2))
    # They lie on one line.
    assert float(logs["rank"]) == pytest.approx(1.0)
    (_, images, _), (_, features, styles), (_, number) = events
    assert images is batch["image"]
    np.testing.assert_array_equal(features[0], images)
    assert styles is batch["style"]
    # What follows an update sees the number as updated.
    assert float(number) == pytest.approx(1.7)


def test_every_step_has_a_seed_of_its_own(slope, events, batch):
    for _ in range(3):
        slope.train_step(batch)
    seeds = [event[2].numpy().tolist() for event in events if event[0] == "features"]
    assert seeds == [[5, 0], [5, 1], [5, 2]]
    assert slope.step.numpy() == 3
    # A resumed run goes on where the step was saved.
    slope.step.assign(40)
    slope.train_step(batch)
    assert events[-3][2].numpy().tolist() == [5, 40]


def test_the_step_is_saved_with_the_weights_and_not_learned(slope, tmp_path):
    slope.step.assign(12)
    path = tf.train.Checkpoint(method=slope).write(str(tmp_path / "saved"))
    slope.step.assign(0)
    slope.number.assign(9.0)
    tf.train.Checkpoint(method=slope).read(path)
    assert (int(slope.step), float(slope.number)) == (12, 2.0)
    assert not slope.step.trainable


def test_a_scaled_loss_leads_to_the_same_update(slope, batch):
    slope.compile(
        keras.mixed_precision.LossScaleOptimizer(
            keras.optimizers.SGD(0.1), dynamic=False, initial_scale=1024
        )
    )
    logs = slope.train_step(batch)
    assert logs["loss"] == 6.0
    assert float(slope.number) == pytest.approx(2.0 - 0.3)


def test_it_runs_under_fit(slope, batch):
    steps = tf.data.Dataset.from_tensors(batch).repeat()
    history = slope.fit(steps, steps_per_epoch=4, verbose=0).history
    assert float(slope.number) == pytest.approx(2.0 - 4 * 0.3)
    assert int(slope.step) == 4
    assert set(history) == {"loss", "embedding_std", "rank"}


def test_a_method_must_say_what_is_learned():
    with pytest.raises(TypeError, match=r"features.*objective"):
        Method(Embedder(build_backbone("tiny", "none"), 32))
