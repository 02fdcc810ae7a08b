"""Files of Embedders: nothing in them is executed, and all damage is told."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from crafted_embedders import PHOTOS, SIDE, layer_of, small_backbone, write_members

from cv_tf import choices
from cv_tf.errors import UserError
from cv_tf.models import Embedder, EmbedderFileError, Whitening, build_backbone
from cv_tf.models.backbones import CaffeNormalization, LayerScale


def test_the_file_appears_whole_or_not_at_all(small_embedder, tmp_path, monkeypatch):
    def fill_the_disk(path, *_):
        path.write_bytes(b"half of ")
        raise OSError("No space left on device")

    monkeypatch.setattr("cv_tf.models.embedder_file.write_archive", fill_the_disk)
    with pytest.raises(OSError, match="No space"):
        small_embedder.save(tmp_path / "embedder.keras")
    assert not (tmp_path / "embedder.keras").exists()


class TestRoundTrip:
    def test_files_that_keras_wrote_are_read(self, write, small_embedder):
        loaded = Embedder.load(write())
        np.testing.assert_array_equal(loaded(PHOTOS), small_embedder(PHOTOS))
        assert loaded.backbone.get_layer("stem").strides == (2, 2)

    def test_files_of_tensorflow_2_20_and_2_21_are_read_by_both(self, write):
        """The later one says of inputs that they are not optional."""

        def change(config, **changes):
            settings = layer_of(config, "InputLayer")["config"]
            settings.pop("optional", None)
            settings.update(changes)

        path = write(change)
        Embedder.load(path).save(path)
        before = path.read_bytes()
        Embedder.load(write(lambda config: change(config, optional=False))).save(path)
        assert path.read_bytes() == before
        with pytest.raises(EmbedderFileError, match="'optional' is True"):
            Embedder.load(write(lambda config: change(config, optional=True)))

    def test_keras_reads_what_is_written(self, path, small_embedder):
        small_embedder.save(path)
        loaded = keras.models.load_model(path, compile=False)
        np.testing.assert_array_equal(loaded(PHOTOS), small_embedder(PHOTOS))

    def test_equal_embedders_give_equal_bytes(self, tmp_path, members):
        """Whatever the process has made before, and whether it has been used."""
        paths = [tmp_path / f"{number}.keras" for number in range(4)]
        for number, path in enumerate(paths[:2]):
            keras.utils.set_random_seed(0)
            embedder = Embedder(small_backbone(), SIDE, whitening=Whitening(4, 3))
            if number:
                embedder(PHOTOS)
            embedder.save(path)
        Embedder.load(paths[0]).save(paths[2])
        write_members(paths[3], members)
        Embedder.load(paths[3]).save(paths[3])
        first, *others = [path.read_bytes() for path in paths]
        assert all(other == first for other in others)
        names = [layer["name"] for layer in _layers_of(paths[0])]
        assert names == [
            *("images", "stem", "batch_normalization", "re_lu"),
            *("tf.__operators__.add", "tf.math.subtract", "add"),
        ]

    def test_given_names_that_look_automatic_do_not_collide(self, tmp_path):
        images = keras.Input((None, None, 3))
        inner = keras.layers.Conv2D(2, 1, name="re_lu")(images)
        for name in ("re_lu_9", "re_lu_3"):
            inner = keras.layers.ReLU(name=name)(inner)
        saved = Embedder(keras.Model(images, inner), SIDE)
        saved.save(tmp_path / "embedder.keras")
        names = [layer["name"] for layer in _layers_of(tmp_path / "embedder.keras")]
        assert names == ["input_1", "re_lu", "re_lu_1", "re_lu_2"]
        loaded = Embedder.load(tmp_path / "embedder.keras")
        np.testing.assert_array_equal(loaded(PHOTOS), saved(PHOTOS))

    def test_nested_and_shared_layers(self, path):
        stem = keras.Sequential(
            [keras.Input((None, None, 3)), keras.layers.Conv2D(3, 3)]
        )
        shared = keras.layers.Conv2D(3, 1)
        inner_input = keras.Input((None, None, 3))
        inner = keras.Model(inner_input, shared(shared(inner_input)) * 0.5)
        images = keras.Input((None, None, 3))
        features = inner(stem(inner(images), training=False))
        saved = Embedder(keras.Model(images, features), SIDE)
        saved.save(path)
        for loaded in (Embedder.load(path), keras.models.load_model(path)):
            np.testing.assert_array_equal(loaded(PHOTOS), saved(PHOTOS))

    def test_mixed_precision(self, path):
        keras.mixed_precision.set_global_policy("mixed_bfloat16")
        try:
            saved = Embedder(build_backbone("tiny", "none"), 32)
        finally:
            keras.mixed_precision.set_global_policy("float32")
        saved.save(path)
        loaded = Embedder.load(path)
        assert loaded.backbone.layers[1].compute_dtype == "bfloat16"
        np.testing.assert_array_equal(loaded(PHOTOS), saved(PHOTOS))

    def test_saving_keeps_the_former_file_where_it_fails(self, path):
        path.write_bytes(b"former")
        images = keras.Input((None, None, 3))
        doubled = keras.layers.Lambda(lambda x: 2 * x)(images)
        embedder = Embedder(keras.Model(images, doubled), SIDE)
        with pytest.raises(UserError, match=r"cannot be saved: .*'Lambda'.* plain"):
            embedder.save(path)
        assert path.read_bytes() == b"former"
        assert [*path.parent.iterdir()] == [path]

    @pytest.mark.slow
    @pytest.mark.parametrize("name", choices.BACKBONES)
    def test_backbones(self, path, name):
        saved = Embedder(build_backbone(name, "none"), 32)
        saved.save(path)
        for one, other in zip(Embedder.load(path).weights, saved.weights, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.slow
@pytest.mark.integration
def test_layers_of_backbones_are_known_in_a_process_that_builds_none(path):
    images = keras.Input((None, None, 3))
    features = LayerScale(1.0, 3)(CaffeNormalization()(images))
    Embedder(keras.Model(images, features), SIDE).save(path)
    code = (
        "import sys, cv_tf; print(cv_tf.models.Embedder.load(sys.argv[1]).image_size)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=False
    )
    assert process.stdout == f"{SIDE}\n", process.stderr


def _layers_of(path):
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
    return config["config"]["backbone"]["config"]["layers"]


@pytest.mark.integration
def test_ordinary_layers_are_read(path):
    """Each class of layers that backbones of others may have."""
    layers = keras.layers
    chain = [
        layers.Resizing(16, 16),
        layers.Rescaling(1 / 255, offset=[0.0, 0.1, 0.2]),
        layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 3.0]),
        layers.Normalization(),
        layers.ZeroPadding2D(1),
        layers.Cropping2D(1),
        layers.Conv2D(
            4,
            3,
            activation=layers.LeakyReLU(),
            kernel_regularizer="l2",
            bias_constraint="max_norm",
            kernel_initializer="he_normal",
        ),
        layers.SeparableConv2D(4, 3, padding="same", activation="gelu"),
        layers.DepthwiseConv2D(3, padding="same", dilation_rate=2),
        layers.Conv2DTranspose(4, 2, strides=2),
        layers.BatchNormalization(synchronized=True),
        layers.LayerNormalization(),
        layers.GroupNormalization(2),
        layers.UnitNormalization(),
        layers.experimental.SyncBatchNormalization(),
        layers.PReLU(shared_axes=[1, 2]),
        layers.ELU(),
        layers.ThresholdedReLU(0.1),
        layers.Softmax(),
        layers.Activation(tf.nn.relu6),
        layers.Activation("swish"),
        layers.MaxPooling2D(),
        layers.AveragePooling2D(),
        layers.UpSampling2D(2),
        layers.Permute([2, 1, 3]),
        layers.Dropout(0.1),
        layers.SpatialDropout2D(0.1),
        layers.GaussianDropout(0.1),
        layers.GaussianNoise(0.1),
    ]
    images = keras.Input((SIDE, SIDE, 3))
    features = images
    for layer in chain:
        features = layer(features)
    pooled = layers.GlobalAveragePooling2D(keepdims=True)(features)
    weights = layers.Dense(4, activation="sigmoid")(layers.Flatten()(pooled))
    highest = layers.Reshape([1, 1, 4])(layers.GlobalMaxPooling2D()(features))
    features = layers.Multiply()([features, layers.Reshape([1, 1, 4])(weights)])
    for merge in (layers.Maximum, layers.Minimum, layers.Average, layers.Subtract):
        features = merge()([features, highest])
    features = tf.concat([tf.nn.relu(features), -features], -1)
    features = layers.Concatenate()([features, tf.clip_by_value(features, 0, 1) / 2])
    saved = Embedder(keras.Model(images, features), SIDE)
    saved.save(path)
    loaded = Embedder.load(path)
    np.testing.assert_array_equal(loaded(PHOTOS), saved(PHOTOS))
    loaded.save(path.with_name("again.keras"))
    assert path.with_name("again.keras").read_bytes() == path.read_bytes()
