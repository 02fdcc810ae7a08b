"""A tiny Embedder, and photos that it has not seen."""

import numpy as np
import pytest
import tf_keras as keras

from cv_tf.catalog import read_catalog
from cv_tf.config import Config
from cv_tf.deployment import draw_photos
from cv_tf.embeddings import embed
from cv_tf.methods import build_embedder
from cv_tf.pipeline import Photos


@pytest.fixture(scope="session")
def tiny_embedder():
    """An untrained Embedder of parts, for images of 32 pixels a side."""
    keras.utils.set_random_seed(0)
    config = Config(backbone="tiny", weights="none", image_size=32, whiten="none")
    return build_embedder(config)


@pytest.fixture(scope="session")
def drawn_photos(drawn_catalog) -> Photos:
    """12 photos to check on."""
    catalog = read_catalog(drawn_catalog)
    return draw_photos(catalog, 32, "auto", "", most=12)


@pytest.fixture(scope="session")
def images(drawn_photos) -> np.ndarray:
    """uint8 [12, 32, 32, 3]."""
    return drawn_photos.squares(np.arange(len(drawn_photos)))


@pytest.fixture(scope="session")
def vectors(tiny_embedder, drawn_photos) -> np.ndarray:
    """The vectors of the photos, computed by the Embedder."""
    return embed(tiny_embedder, drawn_photos)
