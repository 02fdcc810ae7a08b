"""An Embedder that takes no time."""

import pytest
import tf_keras as keras

from cv_tf.config import Config
from cv_tf.methods import build_embedder
from cv_tf.models import Embedder


@pytest.fixture(scope="session")
def build_tiny():
    """A function from a seed to an Embedder of 64 dimensions."""

    def build(seed: int) -> Embedder:
        keras.utils.set_random_seed(seed)
        config = Config(
            backbone="tiny",
            weights="none",
            image_size=32,
            average="none",
            embedding="whole",
        )
        return build_embedder(config)

    return build


@pytest.fixture(scope="session")
def embedder(build_tiny) -> Embedder:
    """One of them."""
    return build_tiny(0)
