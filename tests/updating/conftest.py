"""A shop, before its first night and after it."""

import shutil
from pathlib import Path

import pytest
from nightly_shop import NightlyShop, open_shop


@pytest.fixture(scope="session")
def _opened(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("opened")
    open_shop(folder)
    return folder


@pytest.fixture
def shop(_opened, tmp_path) -> NightlyShop:
    """A shop before its first night."""
    shutil.copytree(_opened, tmp_path / "shop")
    return open_shop(tmp_path / "shop", is_filled=True)
