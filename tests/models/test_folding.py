import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

from cv_tf.models import build_backbone, fold_norms
from cv_tf.models.folding import FoldedConvolution


def _norms(network):
    norm = keras.layers.BatchNormalization
    return [layer for layer in network.layers if isinstance(layer, norm)]


def _folded(network):
    return [layer for layer in network.layers if isinstance(layer, FoldedConvolution)]


def _used(name="tiny", freeze_batch_norm=True, **options):
    """A backbone whose normalization does something, as after training."""
    keras.utils.set_random_seed(0)  # Whatever ran before, the same rounding.
    network = build_backbone(name, "none", freeze_batch_norm, **options)
    generator = np.random.default_rng(1)
    for norm in _norms(network):
        # No more, or what deep networks make of it grows until rounding decides.
        norm.set_weights(
            [w + generator.uniform(-0.1, 0.1, w.shape) for w in norm.get_weights()]
        )
    return network


def _ids(weights):
    return [id(weight) for weight in weights]


@pytest.fixture
def pixels():
    generator = np.random.default_rng(0)
    return tf.constant(generator.uniform(0, 255, (2, 64, 64, 3)), tf.float32)


def _gradients(network, pixels):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(network(pixels, training=True) ** 2)
    return tape.gradient(loss, network.trainable_weights)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "options"),
    few(
        ("tiny", {}),
        more=[
            ("efficientnetlite_b0", {}),
            ("efficientnetlite_b0", {"feature_stride": 16, "frozen_stride": 8}),
            ("mobilenetv3_small", {"feature_stride": 16}),
            ("resnet50", {}),
            ("efficientnetv2_s", {}),
            ("convnext_tiny", {}),
        ],
    ),
)
def test_it_computes_and_learns_the_same(name, options, pixels):
    network = _used(name, **options)
    folded = fold_norms(network, in_training=True)
    expected = network(pixels, training=True)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(
        folded(pixels, training=True), expected, rtol=1e-4, atol=1e-4 * scale
    )
    assert _ids(folded.trainable_weights) == _ids(network.trainable_weights)
    gradients = _gradients(folded, pixels), _gradients(network, pixels)
    for found, expected in zip(*gradients, strict=True):
        assert tf.norm(found - expected) < 2e-3 * tf.norm(expected)


@pytest.mark.integration
def test_all_frozen_norms_of_the_usual_backbone_are_folded():
    network = build_backbone("efficientnetlite_b0", "none", feature_stride=16)
    folded = fold_norms(network, in_training=True)
    assert len(_folded(folded)) == len(_norms(network)) == 33
    assert not _norms(folded)


def test_weights_are_shared_and_the_backbone_is_as_it_was(pixels):
    network = _used()
    before = network.get_config()
    folded = fold_norms(network, in_training=True)
    assert sorted(_ids(folded.weights)) == sorted(_ids(network.weights))
    assert network.get_config() == before
    folded.trainable_weights[0].assign_add(
        tf.ones_like(folded.trainable_weights[0]) * 0.1
    )
    np.testing.assert_allclose(
        folded(pixels, training=True), network(pixels), rtol=1e-4, atol=1e-4
    )


def test_what_learns_is_left_alone(pixels):
    network = _used(freeze_batch_norm=False)
    folded = fold_norms(network, in_training=True)
    assert not _folded(folded)
    np.testing.assert_array_equal(folded(pixels), network(pixels))


def test_at_use_it_is_folded_too(pixels):
    network = _used(freeze_batch_norm=False)
    folded = fold_norms(network, in_training=False)
    assert len(_folded(folded)) == len(_norms(network))
    np.testing.assert_allclose(folded(pixels), network(pixels), rtol=1e-4, atol=1e-4)


def test_a_norm_is_left_alone_where_something_else_needs_what_comes_before_it(pixels):
    images = keras.Input((None, None, 3))
    maps = keras.layers.Conv2D(4, 3)(images)
    norm = keras.layers.BatchNormalization(trainable=False)
    network = keras.Model(images, keras.layers.Add()([norm(maps), maps]))
    folded = fold_norms(network, in_training=True)
    assert not _folded(folded)
    np.testing.assert_array_equal(folded(pixels), network(pixels))


@pytest.mark.parametrize("options", few({}, more=[{"scale": False}, {"center": False}]))
@pytest.mark.parametrize(
    "convolution",
    [
        keras.layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False),
        keras.layers.Conv2D(4, 3, dilation_rate=2),
        keras.layers.Conv2D(6, 1, groups=3),
        keras.layers.DepthwiseConv2D(3, depth_multiplier=2),
        keras.layers.DepthwiseConv2D(5, strides=2, padding="same", use_bias=False),
    ],
)
def test_every_kind_of_convolution(convolution, options, pixels):
    layer = type(convolution).from_config(convolution.get_config())
    images = keras.Input((None, None, 3))
    norm = keras.layers.BatchNormalization(trainable=False, **options)
    network = keras.Model(images, norm(layer(images)))
    generator = np.random.default_rng(2)
    network.set_weights([generator.uniform(0.5, 1.5, w.shape) for w in network.weights])
    folded = fold_norms(network, in_training=True)
    assert len(_folded(folded)) == 1
    np.testing.assert_allclose(folded(pixels), network(pixels), rtol=1e-4, atol=1e-3)


def _padded_network(pad, size=5, stride=2):
    images = keras.Input((None, None, 3))
    padded = keras.layers.ZeroPadding2D(pad)(images)
    convolution = keras.layers.DepthwiseConv2D(size, strides=stride, use_bias=False)
    norm = keras.layers.BatchNormalization(trainable=False)
    return keras.Model(images, norm(convolution(padded)))


@pytest.mark.parametrize("side", few(9, 12, more=[10, 11]))
@pytest.mark.parametrize("pad", [((1, 2), (1, 2)), ((2, 2), (2, 2)), ((1, 2), (0, 3))])
def test_padding_in_front_is_a_part_of_it_at_any_size(pad, side):
    network = _padded_network(pad)
    folded = fold_norms(network, in_training=True)
    (layer,) = _folded(folded)
    assert layer.padding.padding == pad
    pixels = tf.random.stateless_uniform((2, side, side, 3), (1, 2))
    np.testing.assert_allclose(folded(pixels), network(pixels), rtol=1e-4, atol=1e-5)
    copy = folded.__class__.from_config(folded.get_config())
    copy.set_weights(folded.get_weights())
    np.testing.assert_array_equal(copy(pixels), folded(pixels))


@pytest.mark.parametrize(("side", "num_copies"), [(12, 0), (11, 1)])
def test_a_map_is_not_copied_for_padding_that_the_convolution_can_do(side, num_copies):
    network = _padded_network(((1, 2), (1, 2)))
    folded = fold_norms(network, in_training=True)
    step = tf.function(folded).get_concrete_function(
        tf.TensorSpec((2, side, side, 3), tf.float32)
    )
    kinds = [operation.type for operation in step.graph.get_operations()]
    assert kinds.count("Pad") == num_copies


def test_padding_that_others_need_is_left_alone(pixels):
    images = keras.Input((None, None, 3))
    padded = keras.layers.ZeroPadding2D(1)(images)
    convolution = keras.layers.DepthwiseConv2D(3, padding="valid")
    norm = keras.layers.BatchNormalization(trainable=False)
    both = [norm(convolution(padded)), keras.layers.MaxPool2D(3, 1)(padded)]
    network = keras.Model(images, keras.layers.Add()(both))
    folded = fold_norms(network, in_training=True)
    (layer,) = _folded(folded)
    assert layer.padding is None
    np.testing.assert_allclose(folded(pixels), network(pixels), rtol=1e-4, atol=1e-3)


@pytest.mark.slow
@pytest.mark.integration
def test_a_copy_has_weights_of_its_own(pixels):
    folded = fold_norms(_used("efficientnetlite_b0", frozen_stride=8), in_training=True)
    copy = folded.__class__.from_config(folded.get_config())
    copy.set_weights(folded.get_weights())
    np.testing.assert_array_equal(copy(pixels), folded(pixels))
    assert len(copy.trainable_weights) == len(folded.trainable_weights)
    copy.set_weights([value * 0.0 for value in copy.get_weights()])
    assert np.abs(folded(pixels)).max() > 0.0


def test_half_precision_scales_kernels_in_full_precision(pixels):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        network = _used()
        folded = fold_norms(network, in_training=True)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    found = folded(pixels, training=True)
    assert found.dtype == tf.bfloat16
    expected = tf.cast(network(pixels, training=True), tf.float32)
    off = tf.cast(found, tf.float32) - expected
    assert tf.norm(off) < 0.02 * tf.norm(expected)
