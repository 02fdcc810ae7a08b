"""LARS, by hand, against NumPy, and in all the ways that training runs it."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from cv_tf.training.optimizers import LARS

GENERATOR = np.random.default_rng(0)
WEIGHTS = GENERATOR.normal(size=(3, 2)).astype("float32")
BIAS = np.array([2.0, -1.0], "float32")
GRADIENTS = GENERATOR.normal(size=(4, 4, 2)).astype("float32")  # Bias in the last row.
# Linear from 8 down to 2: the rates of the four steps are 8, 6, 4, 2.
SCHEDULE = keras.optimizers.schedules.PolynomialDecay(8.0, 4, end_learning_rate=0.0)


def new_variables() -> list[tf.Variable]:
    return [
        tf.Variable(WEIGHTS, name="dense/kernel"),
        tf.Variable(BIAS, name="dense/bias"),
    ]


def new_optimizer(learning_rate=SCHEDULE, weight_decay=0.1, **options) -> LARS:
    optimizer = LARS(
        learning_rate, trust_coefficient=0.02, weight_decay=weight_decay, **options
    )
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer


def train(optimizer, variables, gradients=GRADIENTS, way="eager") -> list[np.ndarray]:
    """Values after the steps, whose gradients lie side by side."""

    def step(gradient):
        parts = [gradient[:3], gradient[3]]
        optimizer.apply_gradients(zip(parts, variables, strict=True))

    optimizer.build(variables)
    if way != "eager":
        step = tf.function(step, jit_compile=way == "jit")
    for gradient in gradients:
        step(tf.constant(gradient))
    return [variable.numpy() for variable in variables]


def trained_one(optimizer, value, *gradients) -> np.ndarray:
    """The value of a single kernel after the steps."""
    variable = tf.Variable(value, name="dense/kernel")
    for gradient in gradients:
        optimizer.apply_gradients([(tf.constant(gradient), variable)])
    return variable.numpy()


def in_numpy(weight_decay: float) -> list[np.ndarray]:
    """Algorithm 1, step by step; the bias follows momentum SGD."""
    weights, bias = WEIGHTS.astype(float), BIAS.astype(float)
    velocity, bias_velocity = np.zeros((3, 2)), np.zeros(2)
    for rate, gradient in zip([8, 6, 4, 2], GRADIENTS.astype(float), strict=True):
        update = gradient[:3] + weight_decay * weights
        local_rate = 0.02 * np.sqrt((weights**2).sum() / (update**2).sum())
        velocity = 0.9 * velocity + rate * local_rate * update
        weights = weights - velocity
        bias_velocity = 0.9 * bias_velocity + rate * gradient[3]
        bias = bias - bias_velocity
    return [weights, bias]


def assert_close(found, expected, rtol=1e-5):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol)


class TestByHand:
    def test_two_steps(self):
        optimizer = LARS(2.0, momentum=0.5, trust_coefficient=0.4)
        # Norms 5 and 2: local rate 0.4 * 5 / 2 = 1, velocity 2 * 1 * (0, 2) = (0, 4).
        # Norms 3 and 6: local rate 0.2, velocity (0, 2) + 2 * 0.2 * (0, -6).
        found = trained_one(optimizer, [3.0, 4.0], [0.0, 2.0], [0.0, -6.0])
        np.testing.assert_allclose(found, [3, 0.4], rtol=1e-6)

    def test_weight_decay_is_part_of_the_gradient(self):
        optimizer = LARS(1.0, trust_coefficient=0.1, weight_decay=0.5)
        # Update (2.5, -2) + (1.5, 2) = (4, 0), local rate 0.1 * 5 / 4.
        found = trained_one(optimizer, [3.0, 4.0], [2.5, -2.0])
        np.testing.assert_allclose(found, [3 - 0.5, 4], rtol=1e-6)

    def test_weights_of_zero_learn_at_the_global_rate(self):
        found = trained_one(LARS(0.5, weight_decay=0.1), [0.0, 0.0], [2.0, -4.0])
        np.testing.assert_allclose(found, [-1, 2], rtol=1e-6)

    def test_without_gradient_momentum_goes_on(self):
        optimizer = LARS(1.0, momentum=0.5, trust_coefficient=0.1)
        # Velocity 0.1 * 5 * (0.6, 0.8) = (0.3, 0.4), then half of it.
        found = trained_one(optimizer, [3.0, 4.0], [6.0, 8.0], [0.0, 0.0])
        np.testing.assert_allclose(found, [3 - 0.45, 4 - 0.6], rtol=1e-6)

    def test_without_weights_and_gradient_nothing_happens(self):
        found = trained_one(LARS(1.0, weight_decay=0.1), [0.0, 0.0], [0.0, 0.0])
        np.testing.assert_array_equal(found, [0, 0])

    def test_clips_before_it_scales(self):
        # From (3, 4) to (0.6, 0.8); weights of zero show it.
        optimizer = LARS(1.0, global_clipnorm=1.0)
        found = trained_one(optimizer, [0.0, 0.0], [3.0, 4.0])
        np.testing.assert_allclose(found, [-0.6, -0.8], rtol=1e-6)


class TestSteps:
    @pytest.mark.parametrize("weight_decay", [0.0, 0.1])
    def test_as_in_numpy(self, weight_decay):
        optimizer = new_optimizer(weight_decay=weight_decay or None)
        assert_close(train(optimizer, new_variables()), in_numpy(weight_decay))

    def test_excluded_variables_learn_as_with_sgd(self):
        _, found = train(new_optimizer(), new_variables())
        sgd = keras.optimizers.SGD(SCHEDULE, momentum=0.9)
        _, expected = train(sgd, new_variables())
        np.testing.assert_array_equal(found, expected)

    def test_the_size_of_gradients_makes_no_difference(self):
        found, _ = train(new_optimizer(weight_decay=None), new_variables())
        huge, _ = train(
            new_optimizer(weight_decay=None), new_variables(), 1000 * GRADIENTS
        )
        np.testing.assert_allclose(huge, found, rtol=1e-5)

    @pytest.mark.parametrize("way", ["graph", "jit"])
    def test_compiled(self, way):
        assert_close(train(new_optimizer(), new_variables(), way=way), in_numpy(0.1))

    def test_with_updates_compiled_one_by_one(self):
        optimizer = new_optimizer()
        optimizer.jit_compile = True  # As Keras sets it where there is a GPU.
        assert_close(train(optimizer, new_variables()), in_numpy(0.1))


class TestLossScale:
    def test_makes_no_difference(self):
        optimizer = keras.mixed_precision.LossScaleOptimizer(new_optimizer())
        gradients = optimizer.get_unscaled_gradients(
            [gradient * 2.0**15 for gradient in GRADIENTS]
        )
        assert_close(train(optimizer, new_variables(), gradients), in_numpy(0.1))

    def test_skips_what_overflows(self):
        inner = new_optimizer()
        optimizer = keras.mixed_precision.LossScaleOptimizer(inner)
        found = train(optimizer, new_variables(), np.full((1, 4, 2), np.inf, "float32"))
        assert_close(found, [WEIGHTS, BIAS], rtol=0)
        for velocity in inner.momentums:
            np.testing.assert_array_equal(velocity, np.zeros_like(velocity))


class TestState:
    def test_resumes_from_a_checkpoint(self, tmp_path):
        optimizer, variables = new_optimizer(), new_variables()
        train(optimizer, variables, GRADIENTS[:2])
        saved = tf.train.Checkpoint(optimizer=optimizer, variables=variables)
        path = saved.save(str(tmp_path / "checkpoint"))
        optimizer, variables = new_optimizer(), new_variables()
        optimizer.build(variables)
        restored = tf.train.Checkpoint(optimizer=optimizer, variables=variables)
        restored.restore(path).assert_existing_objects_matched()
        found = train(optimizer, variables, GRADIENTS[2:])
        assert_close(found, train(new_optimizer(), new_variables()), rtol=0)

    def test_comes_back_from_its_configuration(self):
        optimizer = new_optimizer(momentum=0.8, global_clipnorm=3.0, name="own")
        copied = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
        assert type(copied) is LARS
        assert copied.get_config() == optimizer.get_config()
        copied.exclude_from_weight_decay(var_names=["bias"])
        expected = train(optimizer, new_variables())
        assert_close(train(copied, new_variables()), expected, rtol=0)
