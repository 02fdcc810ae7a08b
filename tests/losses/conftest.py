"""Fixtures of the losses' tests."""

import numpy as np
import pytest

from cv_tf.addons import import_addons


@pytest.fixture(scope="session")
def at_degrees():
    """A function from angles in degrees to unit vectors in the plane."""

    def embed(*degrees: float) -> np.ndarray:
        radians = np.deg2rad(degrees)
        return np.stack([np.cos(radians), np.sin(radians)], axis=-1).astype(np.float32)

    return embed


@pytest.fixture(scope="session")
def tfa():
    """tensorflow-addons, or a skip with the reason."""
    try:
        return import_addons()
    except ImportError as error:
        pytest.skip(str(error))
