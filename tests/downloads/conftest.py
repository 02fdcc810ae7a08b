"""A server of photos, and downloads from it."""

import functools

import pytest
from photo_server import serving

from cv_tf.downloads import DownloadLimits, download_photos, download_run


@pytest.fixture
def server():
    with serving() as one:
        yield one


@pytest.fixture
def other_server():
    with serving() as one:
        yield one


@pytest.fixture
def limits():
    """A function to limits under which a server of this machine may be asked."""
    return functools.partial(
        DownloadLimits, allow_http=True, allow_private=True, seconds=5.0
    )


@pytest.fixture
def download(tmp_path, limits, monkeypatch):
    """A function from addresses to what became of them, with the cache in `cache`.

    It waits a moment only before it tries again.
    """
    monkeypatch.setattr(download_run, "_FIRST_PAUSE", 0.01)

    def fetch(*addresses, refresh=False, **settings):
        return download_photos(
            addresses, tmp_path / "cache", limits(**settings), refresh, progress=False
        )

    return fetch


@pytest.fixture
def reason_of(download):
    """A function from an address to why it cannot be fetched."""

    def reason(address, **settings):
        (found,) = download(address, **settings).values()
        assert (found.path == "") == (found.reason != "")
        return found.reason

    return reason
