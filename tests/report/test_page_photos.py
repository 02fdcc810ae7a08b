"""As many photos as there is room for."""

import pytest
from PIL import Image

from cv_tf.report import PageSettings
from cv_tf.report.thumbnails import fit_photos


@pytest.fixture
def paths(tmp_path):
    """Three photos, and a path without one."""
    for i in range(3):
        Image.new("RGB", (300, 600), ("navy", "red", "lime")[i]).save(
            tmp_path / f"{i}.png"
        )
    return [str(tmp_path / f"{i}.png") for i in range(4)]


def _fit(paths, rows, **limits):
    return fit_photos(rows, paths.__getitem__, PageSettings(**limits))


def test_photos_or_the_reason_why_there_is_none(paths):
    photos = _fit(paths, [2, 3])
    assert list(photos.of) == [2, 3]
    assert photos.of[2].startswith("data:image/jpeg;base64,")
    assert photos.of[3] == "the file is missing"
    assert photos.num_left_out == 0
    assert photos.notes() == []


def test_those_that_are_seen_first_go_in(paths):
    photos = _fit(paths, [1, 2, 0], page_photos=2)
    assert list(photos.of) == [1, 2]
    assert photos.num_left_out == 1
    assert photos.notes()[0].startswith(
        "Photos left out, of what comes last: 1. --page"
    )
    assert _fit(paths, [1, 2, 0], page_photos=0).of == {}


def test_their_megabytes_are_kept(paths):
    one = len(_fit(paths, [0]).of[0])
    photos = _fit(paths, [0, 1, 2], page_megabytes=2.5 * one / 1e6)
    assert list(photos.of) == [0, 1]
    assert photos.num_left_out == 1
