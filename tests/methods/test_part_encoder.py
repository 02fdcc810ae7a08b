import functools

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

from cv_tf.methods import PartEncoder
from cv_tf.models import build_backbone, projection_head
from cv_tf.vision import pool_parts, slice_parts


@pytest.fixture
def encoder():
    """A function from options to an encoder, always the same."""

    def build(
        layout="halves", source="features", freeze_batch_norm=True, hidden=10, **options
    ):
        keras.utils.set_random_seed(2)
        backbone = build_backbone("tiny", "none", freeze_batch_norm)
        head = functools.partial(projection_head, dimensions=6, hidden=hidden)
        options = {"whole": True, **options}
        return PartEncoder(backbone, layout, source, head=head, **options)

    return build


@pytest.fixture
def pixels():
    generator = np.random.default_rng(0)
    return tf.constant(generator.uniform(0, 255, (3, 32, 32, 3)), tf.float32)


def _assert_same(one, other):
    np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_whole_is_projected_by_its_own_head(encoder, pixels):
    encode = encoder()
    expected = encode.whole_head(tf.reduce_mean(encode.backbone(pixels), axis=(1, 2)))
    _assert_same(encode(pixels)[:, 0], expected)


@pytest.mark.parametrize("layout", ["halves", "grid_3x3"])
def test_parts_of_the_feature_map_share_a_head(encoder, pixels, layout):
    encode = encoder(layout)
    parts = pool_parts(encode.backbone(pixels), layout)
    for part in range(parts.shape[1]):
        expected = encode.part_head(parts[:, part])
        _assert_same(encode(pixels)[:, 1 + part], expected)


@pytest.mark.parametrize("layout", ["halves", "grid_2x2"])
def test_parts_of_the_pixels_go_through_the_backbone_one_by_one(
    encoder, pixels, layout
):
    encode = encoder(layout, "pixels")
    slices = slice_parts(pixels, layout)
    for part in range(slices.shape[1]):
        features = tf.reduce_mean(encode.backbone(slices[:, part]), axis=(1, 2))
        _assert_same(encode(pixels)[:, 1 + part], encode.part_head(features))


def test_pixels_outside_a_slice_do_not_tell(encoder, pixels):
    # The lower half of the photo changes: the upper slice's projection does not.
    changed = tf.concat([pixels[:, :16], 255.0 - pixels[:, 16:]], axis=1)
    encode = encoder("halves", "pixels", whole=False)
    _assert_same(encode(changed)[:, 0], encode(pixels)[:, 0])
    assert np.abs(encode(changed)[:, 1] - encode(pixels)[:, 1]).max() > 1e-3


@pytest.mark.parametrize("source", ["features", "pixels"])
def test_the_whole_comes_first_then_the_parts(encoder, pixels, source):
    both = encoder("thirds", source)
    assert both.num_parts == both(pixels).shape[1] == 4
    whole = encoder("thirds", source, parts=False)
    whole.whole_head.set_weights(both.whole_head.get_weights())
    assert whole.num_parts == 1
    _assert_same(whole(pixels), both(pixels)[:, :1])
    parts = encoder("thirds", source, whole=False)
    parts.part_head.set_weights(both.part_head.get_weights())
    assert parts.num_parts == 3
    _assert_same(parts(pixels), both(pixels)[:, 1:])


def test_without_a_hidden_layer_heads_are_linear(encoder, pixels):
    encode = encoder(hidden=0)
    kernel, bias = encode.whole_head.get_weights()
    features = tf.reduce_mean(encode.backbone(pixels), axis=(1, 2))
    _assert_same(encode(pixels)[:, 0], features @ kernel + bias)


@pytest.mark.parametrize("source", ["features", "pixels"])
@pytest.mark.parametrize("freeze_batch_norm", few(True, more=[False]))
def test_a_momentum_copy_is_a_copy_with_weights_of_its_own(
    encoder, pixels, source, freeze_batch_norm
):
    encode = encoder("halves", source, freeze_batch_norm)
    for step, weight in enumerate(encode.weights):  # None as it was initialized.
        weight.assign_add(tf.ones_like(weight) * 0.01 * (step + 1))
    copy = encode.momentum_copy()
    before = encode(pixels)
    np.testing.assert_array_equal(copy(pixels), before)
    assert copy.num_parts == encode.num_parts
    # The same places in the same order, so that one can follow the other.
    assert [w.name for w in copy.weights] == [w.name for w in encode.weights]
    for own, other in zip(copy.weights, encode.weights, strict=True):
        np.testing.assert_array_equal(own, other)
    mine = {id(weight) for weight in encode.weights}
    assert not any(id(weight) in mine for weight in copy.weights)
    for weight in encode.weights:
        weight.assign(tf.zeros_like(weight))
    np.testing.assert_array_equal(copy(pixels), before)


@pytest.mark.parametrize("source", ["features", "pixels"])
def test_an_aggregate_is_the_mean_of_the_unit_projections(encoder, pixels, source):
    parts = encoder("thirds", source)(pixels).numpy()
    expected = (parts / np.linalg.norm(parts, axis=-1, keepdims=True)).mean(axis=1)
    encode = encoder("thirds", source, aggregate="mean")
    assert encode.num_parts == 1
    _assert_same(encode(pixels), expected[:, np.newaxis])


@pytest.mark.parametrize(
    "options", [{"parts": False}, {"whole": False}, {"aggregate": "mean"}]
)
def test_a_momentum_copy_has_the_same_heads(encoder, pixels, options):
    encode = encoder(**options)
    np.testing.assert_array_equal(encode.momentum_copy()(pixels), encode(pixels))


def test_what_cannot_be_encoded_is_refused(encoder):
    with pytest.raises(ValueError, match="neither the whole nor parts"):
        encoder(whole=False, parts=False)
    with pytest.raises(ValueError, match=r"source is 'slices'; choose one of: feat"):
        encoder(source="slices")
    with pytest.raises(ValueError, match=r"aggregate is 'sum'; choose one of: none, m"):
        encoder(aggregate="sum")
