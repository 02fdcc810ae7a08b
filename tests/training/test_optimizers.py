"""Schedules and updates, worked out by hand."""

import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.config import TrainingSettings
from cv_tf.models import build_backbone
from cv_tf.training.optimizers import LARS, build_optimizer

PLAIN = {"adam": keras.optimizers.Adam, "sgd": keras.optimizers.SGD, "lars": LARS}


def updated(settings, variables, gradients, num_steps=1):
    """Values after steps with always the same gradients."""
    optimizer = build_optimizer(settings)
    optimizer.build(variables)
    for _ in range(num_steps):
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return [variable.numpy() for variable in variables]


class TestSchedule:
    def test_warm_up_then_cosine(self):
        schedule = build_optimizer(
            TrainingSettings(learning_rate=0.8, warmup_steps=4, steps=10)
        )._learning_rate
        expected = {0: 0.0, 1: 0.2, 2: 0.4, 3: 0.6, 4: 0.8}
        # A half wave over the six steps that are left: 60 degrees, 90, 120, 180.
        expected |= {6: 0.8 * 0.75, 7: 0.8 * 0.5, 8: 0.8 * 0.25, 10: 0.0}
        for step, rate in expected.items():
            assert float(schedule(step)) == pytest.approx(rate, abs=1e-6), step

    def test_without_warm_up(self):
        schedule = build_optimizer(
            TrainingSettings(learning_rate=0.8, warmup_steps=0, steps=4)
        )._learning_rate
        half = math.sqrt(0.5)
        expected = [0.8, 0.4 * (1 + half), 0.4, 0.4 * (1 - half), 0.0]
        found = [float(schedule(step)) for step in range(5)]
        assert found == pytest.approx(expected, abs=1e-6)

    def test_warm_up_longer_than_the_run(self):
        schedule = build_optimizer(
            TrainingSettings(learning_rate=0.8, warmup_steps=20, steps=4)
        )._learning_rate
        found = [float(schedule(step)) for step in range(5)]
        assert found == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])

    @pytest.mark.parametrize("warmup_steps", [0, 1])
    def test_grows_with_the_batch(self, warmup_steps):
        settings = TrainingSettings(
            learning_rate=0.2,
            base_batch_size=256,
            batch_size=1024,
            warmup_steps=warmup_steps,
        )
        schedule = build_optimizer(settings)._learning_rate
        assert float(schedule(warmup_steps)) == pytest.approx(0.2 * 1024 / 256)

    def test_no_steps_at_all(self):
        optimizer = build_optimizer(TrainingSettings(steps=0))
        assert float(optimizer._learning_rate(0)) == pytest.approx(2e-4)


class TestUpdates:
    def test_adam(self):
        settings = TrainingSettings(learning_rate=0.1, warmup_steps=0, steps=4)
        kernel = tf.Variable([1.0, -2.0], name="dense/kernel")
        (found,) = updated(settings, [kernel], [tf.constant([0.5, 4.0])], 2)
        value, first, second = np.array([1.0, -2.0]), np.zeros(2), np.zeros(2)
        gradient = np.array([0.5, 4.0])
        for step in range(2):
            rate = 0.05 * (1 + math.cos(math.pi * step / 4))
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            mean = first / (1 - 0.9 ** (step + 1))
            deviation = np.sqrt(second / (1 - 0.999 ** (step + 1)))
            value = value - rate * mean / (deviation + 1e-7)
        np.testing.assert_allclose(found, value, rtol=1e-5)

    def test_momentum(self):
        settings = TrainingSettings(
            optimizer="sgd", learning_rate=1.0, warmup_steps=0, steps=2
        )
        kernel = tf.Variable([1.0], name="dense/kernel")
        # Rates 1 and 0.5: velocities -0.2, then 0.9 * -0.2 - 0.5 * 0.2 = -0.28.
        (found,) = updated(settings, [kernel], [tf.constant([0.2])], 2)
        assert found == pytest.approx(1 - 0.2 - 0.28)

    def test_weight_decay_is_decoupled(self):
        settings = TrainingSettings(
            learning_rate=0.1, weight_decay=0.5, warmup_steps=0, steps=10
        )
        kernel = tf.Variable([2.0], name="dense/kernel")
        # Decay takes 0.1 * 0.5 * 2; the first step of Adam is the learning rate.
        (found,) = updated(settings, [kernel], [tf.constant([3.0])])
        assert found == pytest.approx(2 - 0.1 - 0.1, rel=1e-5)

    def test_weight_decay_spares_biases_and_normalization(self):
        settings = TrainingSettings(
            learning_rate=0.1, weight_decay=0.5, warmup_steps=0, steps=10
        )
        network = keras.Sequential(
            [
                build_backbone("tiny", "none", freeze_batch_norm=False),
                keras.layers.Dense(4),
            ]
        )
        network.build((None, 32, 32, 3))
        before = [variable.numpy() for variable in network.trainable_variables]
        after = updated(
            settings,
            network.trainable_variables,
            [tf.zeros_like(value) for value in before],
        )
        decayed = {"kernel": 4, "gamma": 3, "beta": 3, "bias": 1}
        for variable, old, new in zip(
            network.trainable_variables, before, after, strict=True
        ):
            kind = variable.name.split("/")[-1].split(":")[0]
            decayed[kind] -= 1
            share = 1 - 0.1 * 0.5 if kind == "kernel" else 1
            np.testing.assert_allclose(new, share * old, rtol=1e-6)
        assert set(decayed.values()) == {0}  # All kinds were there.

    def test_lars_spares_biases_and_normalization(self):
        settings = TrainingSettings(
            optimizer="lars", learning_rate=2.0, weight_decay=0.5, warmup_steps=0
        )
        names = ["dense/kernel", "dense/bias", "norm/gamma", "norm/beta"]
        variables = [tf.Variable([3.0, 4.0], name=name) for name in names]
        gradient = tf.constant([2.5, -2.0])
        kernel, *others = updated(settings, variables, [gradient] * 4)
        # Update (4, 0), local rate 0.001 * 5 / 4; the others make a plain step.
        np.testing.assert_allclose(kernel, [3 - 2 * 0.005, 4], rtol=1e-6)
        np.testing.assert_allclose(others, [[3 - 2 * 2.5, 4 + 2 * 2.0]] * 3, rtol=1e-6)

    def test_clipping_is_of_all_gradients_together(self):
        settings = TrainingSettings(
            optimizer="sgd", learning_rate=1.0, warmup_steps=0, steps=9, clip_norm=1.0
        )
        variables = [tf.Variable([0.0]), tf.Variable([0.0])]
        found = updated(settings, variables, [tf.constant([3.0]), tf.constant([4.0])])
        np.testing.assert_allclose(found, [[-0.6], [-0.8]], rtol=1e-6)

    def test_short_gradients_are_not_clipped(self):
        settings = TrainingSettings(
            optimizer="sgd", learning_rate=1.0, warmup_steps=0, steps=9, clip_norm=1.0
        )
        (found,) = updated(settings, [tf.Variable([0.0])], [tf.constant([0.5])])
        assert found == pytest.approx(-0.5)

    def test_without_clipping(self):
        settings = TrainingSettings(
            optimizer="sgd", learning_rate=1.0, warmup_steps=0, steps=9
        )
        (found,) = updated(settings, [tf.Variable([0.0])], [tf.constant([50.0])])
        assert found == pytest.approx(-50)

    def test_half_precision_skips_what_overflows(self):
        settings = TrainingSettings(
            optimizer="sgd",
            learning_rate=1.0,
            warmup_steps=0,
            steps=9,
            mixed_precision="float16",
        )
        variable = tf.Variable([1.0])
        (found,) = updated(settings, [variable], [tf.constant([float("inf")])])
        assert found == pytest.approx(1)
        (found,) = updated(settings, [variable], [tf.constant([0.25])])
        assert found == pytest.approx(0.75)


class TestConstantRate:
    """Four steps: the schedule has 0, 1/2, 1 and 1/2 of the rate, 0.1."""

    SCHEDULED = (0.0, 0.05, 0.1, 0.05)
    CONSTANT = (0.1, 0.1, 0.1, 0.1)

    @staticmethod
    def settings(**changed):
        values = {"learning_rate": 0.05, "base_batch_size": 64, "batch_size": 128}
        return TrainingSettings(warmup_steps=2, steps=4, **values | changed)

    @staticmethod
    def expected(optimizer, rates):
        """Where 2 ends up with gradients of 1."""
        if optimizer == "adam":  # Gradients over their own size: steps are the rates.
            return 2 - sum(rates)
        value, velocity = 2.0, 0.0
        for rate in rates:
            local_rate = 0.001 * value if optimizer == "lars" else 1.0
            velocity = 0.9 * velocity + rate * local_rate
            value -= velocity
        return value

    @pytest.mark.parametrize("way", ["eager", "graph", "jit", "one by one"])
    @pytest.mark.parametrize("precision", ["none", "float16"])
    @pytest.mark.parametrize("name", ["adam", "sgd", "lars"])
    def test_is_that_of_the_named_variables_alone(self, name, precision, way):
        scheduled = tf.Variable([2.0], name="projection/kernel")
        constant = tf.Variable([2.0], name="predictor/kernel")
        settings = self.settings(optimizer=name, mixed_precision=precision)
        optimizer = build_optimizer(settings, [constant])
        if way == "one by one":  # As Keras compiles updates where there is a GPU.
            getattr(optimizer, "inner_optimizer", optimizer).jit_compile = True
        optimizer.build([scheduled, constant])

        def step():
            gradient = tf.ones(1)
            optimizer.apply_gradients([(gradient, scheduled), (gradient, constant)])

        if way in ("graph", "jit"):
            step = tf.function(step, jit_compile=way == "jit")
        for rate in self.SCHEDULED:
            step()
            assert float(optimizer.learning_rate) == pytest.approx(rate)
        for variable, rates in (scheduled, self.SCHEDULED), (constant, self.CONSTANT):
            found, expected = variable.numpy(), self.expected(name, rates)
            np.testing.assert_allclose(found - 2, [expected - 2], rtol=1e-3)

    @pytest.mark.parametrize("name", ["adam", "sgd"])
    def test_is_that_of_weight_decay_too(self, name):
        variables = [tf.Variable([2.0]), tf.Variable([2.0])]
        optimizer = build_optimizer(
            self.settings(optimizer=name, weight_decay=0.5), variables[1:]
        )
        for _ in range(2):
            optimizer.apply_gradients([(tf.zeros(1), v) for v in variables])
        # The first step of the schedule is of rate 0.
        assert variables[0].numpy() == pytest.approx(2 * (1 - 0.05 * 0.5))
        assert variables[1].numpy() == pytest.approx(2 * (1 - 0.1 * 0.5) ** 2)

    def test_clipping_is_of_all_gradients_together(self):
        variables = [tf.Variable([0.0]), tf.Variable([0.0])]
        optimizer = build_optimizer(
            self.settings(optimizer="sgd", clip_norm=1.0), variables[1:]
        )
        gradients = [tf.constant([3.0]), tf.constant([4.0])]
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        np.testing.assert_allclose(variables, [[0], [-0.1 * 0.8]], rtol=1e-6)

    def test_resumes_from_a_checkpoint(self, tmp_path):
        def begin():
            variables = [tf.Variable([2.0]), tf.Variable([2.0])]
            optimizer = build_optimizer(self.settings(), variables[1:])
            optimizer.build(variables)
            state = tf.train.Checkpoint(optimizer=optimizer, variables=variables)
            return optimizer, variables, state

        def train(optimizer, variables, *gradients):
            for gradient in gradients:
                optimizer.apply_gradients(
                    [(tf.constant([gradient]), v) for v in variables]
                )

        optimizer, variables, state = begin()
        train(optimizer, variables, 1.0, 3.0)
        path = state.save(str(tmp_path / "checkpoint"))
        train(optimizer, variables, -5.0)
        optimizer, resumed, state = begin()
        state.restore(path).assert_existing_objects_matched()
        train(optimizer, resumed, -5.0)
        np.testing.assert_array_equal(resumed, variables)

    @pytest.mark.parametrize("name", ["adam", "sgd", "lars"])
    def test_of_no_variables_leaves_the_class_as_it_is(self, name):
        assert type(build_optimizer(self.settings(optimizer=name))) is PLAIN[name]
        scaled = build_optimizer(
            self.settings(optimizer=name, mixed_precision="float16"), []
        )
        assert type(scaled.inner_optimizer) is PLAIN[name]
