"""A small Embedder, and files of it that are not what they seem."""

import io
import json
import zipfile

import h5py
import pytest
import tf_keras as keras
from crafted_embedders import SIDE, small_backbone, write_members

from cv_tf.models import Embedder, Whitening


@pytest.fixture(scope="module")
def small_embedder():
    keras.utils.set_random_seed(0)
    return Embedder(small_backbone(), SIDE, whitening=Whitening(4, 3))


@pytest.fixture(scope="module")
def members(small_embedder, tmp_path_factory):
    """The three files in the archive, as Keras itself writes them."""
    path = tmp_path_factory.mktemp("saved") / "embedder.keras"
    keras.Model.save(small_embedder, path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "embedder.keras"


@pytest.fixture
def write(path, members):
    """Writes the file with another description, or other weights.

    `change` returns another description, or changes it in place.
    """

    def write(change=None, change_weights=None):
        written = dict(members)
        if change:
            config = json.loads(written["config.json"])
            other = change(config)
            config = config if other is None else other
            written["config.json"] = json.dumps(config).encode()
        if change_weights:
            buffer = io.BytesIO(written["model.weights.h5"])
            with h5py.File(buffer, "r+") as file:
                change_weights(file)
            written["model.weights.h5"] = buffer.getvalue()
        write_members(path, written)
        return path

    return write
