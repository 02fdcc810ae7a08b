"""Photos on web servers are downloaded within bounds, or not read at all."""

import numpy as np
import pytest

from cv_tf.catalog import catalog_of_photos, objects
from cv_tf.pipeline.file_formats import BadImageError
from cv_tf.pipeline.photo_files import photo_content
from cv_tf.pipeline.scan import photo_digests, scan
from cv_tf.pipeline.scan_cache import ScanCache
from cv_tf.report.thumbnails import thumbnails

ADDRESSES = ("http://169.254.169.254/latest/a.jpg", "HTTPS://shop.example/a.jpg")


@pytest.fixture(autouse=True)
def no_requests(monkeypatch):
    """Fails a test that would ask a server."""

    def ask(path):
        raise AssertionError(f"{path} was asked for")

    for name in ("open_in_store", "exists_in_store"):
        monkeypatch.setattr(f"cv_tf.files.{name}", ask)
    monkeypatch.setattr("cv_tf.pipeline.scan.stat_in_store", ask)


@pytest.mark.parametrize("address", ADDRESSES)
def test_are_not_opened(address):
    with (
        pytest.raises(BadImageError, match="was not downloaded"),
        photo_content(address),
    ):
        pass
    (small,) = thumbnails([address]).values()
    assert "was not downloaded" in small.reason


def test_are_rejects_of_a_scan(tmp_path):
    (tmp_path / "a.jpg").touch()
    catalog = catalog_of_photos(tmp_path).select(np.array([0, 0]))
    catalog.image[:] = objects(ADDRESSES)
    reasons = [row.reason for row in scan(catalog, ScanCache(catalog), False)]
    assert reasons == ["it is on a web server, and was not downloaded"] * 2
    assert photo_digests(catalog) == reasons
