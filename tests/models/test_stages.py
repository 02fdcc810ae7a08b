import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

from cv_tf.models import build_backbone
from cv_tf.models.backbones import stage_end


def _photos(size):
    generator = np.random.default_rng(0)
    return tf.constant(generator.uniform(0, 255, (2, size, size, 3)), tf.float32)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("name", "stride", "channels"),
    few(
        ("tiny", 8, 64),
        ("efficientnetlite_b0", 16, 112),
        more=[
            ("mobilenetv3_small", 16, 48),
            ("efficientnetlite_b1", 16, 112),
            ("efficientnetlite_b2", 16, 120),
            ("resnet50", 16, 1024),
            ("efficientnetv2_s", 16, 160),
            ("convnext_tiny", 16, 384),
        ],
    ),
)
def test_a_backbone_ends_at_its_last_map_of_stride_16(name, stride, channels):
    network = build_backbone(name, "none", feature_stride=16)
    assert network(_photos(64)).shape == (2, 64 // stride, 64 // stride, channels)


@pytest.mark.slow
@pytest.mark.integration
@pytest.mark.parametrize("name", ["efficientnetlite_b0", "mobilenetv3_small", "tiny"])
def test_strides_are_what_they_are_called(name):
    network = build_backbone(name, "none")
    for stride in (4, 8, 16):
        model = keras.Model(network.inputs, stage_end(network, name, stride))
        there_is = min(stride, 8) if name == "tiny" else stride
        assert model(_photos(64)).shape[1] == 64 // there_is


@pytest.mark.integration
def test_the_shorter_network_computes_what_the_whole_one_does_on_its_way():
    whole = build_backbone("efficientnetlite_b0", "imagenet")
    short = build_backbone("efficientnetlite_b0", "imagenet", feature_stride=16)
    on_its_way = keras.Model(whole.inputs, whole.get_layer("block5c_add").output)
    photos = _photos(64)
    np.testing.assert_allclose(short(photos), on_its_way(photos), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.integration
def test_stages_of_nested_networks_are_connected():
    network = build_backbone(
        "convnext_tiny", "none", feature_stride=16, frozen_stride=8
    )
    trained = [layer.name for layer in network.layers if layer.trainable_weights]
    assert trained[0] == "convnext_tiny_downsampling_block_1"
    assert trained[-1].startswith("convnext_tiny_stage_2_block_8")


@pytest.mark.integration
@pytest.mark.parametrize(
    ("frozen_stride", "first_trained"),
    few(
        (8, "block4a_expand_conv"), more=[(0, "stem_conv"), (4, "block3a_expand_conv")]
    ),
)
def test_training_begins_behind_the_frozen_stages(frozen_stride, first_trained):
    network = build_backbone(
        "efficientnetlite_b0", "none", feature_stride=16, frozen_stride=frozen_stride
    )
    trained = [layer.name for layer in network.layers if layer.trainable_weights]
    assert trained[0] == first_trained
    names = [layer.name for layer in network.layers if layer.name.endswith("conv")]
    assert trained == names[names.index(first_trained) :]


def test_strides_that_no_network_has_are_refused():
    with pytest.raises(ValueError, match=r"'5'; choose one of: 16, 32\."):
        build_backbone("tiny", "none", feature_stride=5)
    with pytest.raises(ValueError, match=r"'32'; choose one of: 0, 4, 8\."):
        build_backbone("tiny", "none", frozen_stride=32)


def test_freezing_all_of_a_backbone_is_refused():
    with pytest.raises(ValueError, match=r"--frozen_stride=8 leaves nothing .*'tiny'"):
        build_backbone("tiny", "none", frozen_stride=8)
    assert build_backbone("tiny", "none", frozen_stride=4).trainable_weights
