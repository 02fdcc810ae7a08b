"""Fixtures of the losses' tests."""

import angles
import pytest

from cv_tf.methods.build import import_addons


@pytest.fixture(scope="session")
def at_degrees():
    """A function from angles in degrees to unit vectors in the plane."""
    return angles.at_degrees


@pytest.fixture(scope="session")
def tfa():
    """tensorflow-addons, or a skip with the reason."""
    try:
        return import_addons()
    except ImportError as error:
        pytest.skip(str(error))
