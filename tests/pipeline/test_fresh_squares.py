"""Photos that are new are read and decoded once, to the pixels of any later run."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageDraw

from cv_tf.catalog import read_catalog
from cv_tf.pipeline import in_order, load_photos, photos as photos_module, scan_photos

SIDE = 64
SIZES = [(60, 90), (192, 288), (150, 400), (480, 600), (1300, 1700)]


@pytest.fixture
def catalog(tmp_path):
    """Products of all kinds of files, and sizes from a small one to a large one."""
    names = []
    for number, size in enumerate(SIZES):
        random = np.random.default_rng(number)
        levels = random.integers(238, 244, (size[1], size[0], 3)).astype(np.uint8)
        image = Image.fromarray(levels)
        box = [size[0] // 5, size[1] // 6, size[0] * 4 // 5, size[1] * 5 // 6]
        ImageDraw.Draw(image).rectangle(box, fill=(150, 40 * number, 60))
        for suffix in ("jpg", "png", "webp"):
            names.append(f"{number}.{suffix}")
            image.save(tmp_path / names[-1], quality=90)
    rows = "".join(f"{i},{name}\n" for i, name in enumerate(names))
    (tmp_path / "c.csv").write_text(f"product_id,image\n{rows}")
    return read_catalog(tmp_path / "c.csv", ())


def squares_of(photos, batch_size=4):
    batches = in_order(photos, batch_size=batch_size).as_numpy_iterator()
    return np.concatenate([batch["image"] for batch in batches])


@pytest.mark.integration
def test_a_first_run_makes_the_pixels_of_a_later_one(catalog):
    first = scan_photos(catalog, SIDE)
    again = scan_photos(catalog, SIDE)
    assert (first.places >= 0).any()
    assert again.pixels is None
    expected = squares_of(again, batch_size=15)
    np.testing.assert_array_equal(squares_of(first), expected)
    in_graph = again.decoded(tf.data.Dataset.range(len(again)))
    np.testing.assert_array_equal(list(in_graph.as_numpy_iterator()), expected)
    np.testing.assert_array_equal(first.in_memory(False).squares(range(15)), expected)


@pytest.mark.integration
def test_neighbors_and_order_change_no_pixel(catalog, tmp_path):
    expected = squares_of(scan_photos(catalog, SIDE))
    rows = np.random.default_rng(0).permutation(len(catalog))
    other = scan_photos(catalog.select(rows), SIDE, cache_dir=tmp_path / "other")
    np.testing.assert_array_equal(squares_of(other), expected[rows])
    some = scan_photos(catalog, SIDE).select(rows[:3])
    np.testing.assert_array_equal(squares_of(some), expected[rows[:3]])


def test_what_a_scan_has_decoded_is_not_read_again(tmp_path, monkeypatch):
    for number in range(3):
        image = Image.new("RGB", (96, 144), (240, 240, 240))
        image.paste((20, 90, 30 * number), (20, 30, 70, 120))
        image.save(tmp_path / f"{number}.jpg")
    rows = "".join(f"{i},{i}.jpg\n" for i in range(3))
    (tmp_path / "c.csv").write_text(f"product_id,image\n{rows}")
    catalog = read_catalog(tmp_path / "c.csv", ())
    again = "decoded again"
    monkeypatch.setattr(photos_module, "decode_now", lambda *_: pytest.fail(again))
    monkeypatch.setattr(photos_module, "photo_content", lambda *_: pytest.fail(again))
    assert squares_of(scan_photos(catalog, 96)).shape == (3, 96, 96, 3)
    loaded = load_photos(catalog, 96, cache_dir=tmp_path / "other", progress=False)
    assert loaded.are_in_memory


@pytest.mark.integration
def test_squares_take_no_more_memory_than_they_may(catalog):
    room = 3 * 3 * SIDE**2
    photos = scan_photos(catalog, SIDE, most_bytes=room)
    assert photos.pixels.nbytes == room
    assert (photos.places >= 0).sum() == 3
    expected = squares_of(scan_photos(catalog, SIDE))
    np.testing.assert_array_equal(squares_of(photos), expected)
    np.testing.assert_array_equal(photos.in_memory(False).squares(range(15)), expected)
