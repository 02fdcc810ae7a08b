"""Fixtures that every room's tests share."""

from pathlib import Path

import pytest

import cv_tf  # noqa: F401  (selects the Keras 2 API before anything loads TensorFlow)

SHARED_DATA = Path(__file__).parents[1].parent / "shared" / "data"


def _folder(name: str) -> Path:
    folder = SHARED_DATA / name
    if not (folder / "catalog.csv").is_file():
        pytest.skip(f"the photos of '{name}' are not on this machine ({folder})")
    return folder


@pytest.fixture(scope="session")
def hm_dev() -> Path:
    """The folder of 8,096 real product photos, or a skip with the reason."""
    return _folder("hm_dev")


@pytest.fixture(scope="session")
def magento() -> Path:
    """The folder of 107 large studio photos, or a skip with the reason."""
    return _folder("magento")
