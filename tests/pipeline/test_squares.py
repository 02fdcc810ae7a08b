"""Photos that are read within a graph, beside those that the pipeline reads."""

import io
import struct

import numpy as np
import pytest
import tensorflow as tf
from few import few
from PIL import Image, ImageDraw

from cv_tf.catalog import read_catalog
from cv_tf.pipeline import in_order, read_squares, scan_photos
from cv_tf.pipeline.examine import examine
from cv_tf.pipeline.squares import shrink

pytestmark = pytest.mark.integration


def garment(width, height, mode="RGB"):
    """A blue product off the middle of a plain, slightly noisy background."""
    random = np.random.default_rng(width)
    levels = random.integers(238, 244, (height, width, 3)).astype(np.uint8)
    image = Image.fromarray(levels)
    box = [width // 5, height // 4, width // 2, height * 3 // 4]
    ImageDraw.Draw(image).rectangle(box, fill=(30, 60, 150))
    return image.convert(mode)


def encoded(image, file_format):
    file = io.BytesIO()
    image.save(file, file_format, quality=95)
    return file.getvalue()


# Traced once for each number of photos.
_read = tf.function(read_squares)


def read(photos, find_frame=True, size=32):
    return _read(tf.constant(photos), size, find_frame).numpy()


@pytest.fixture
def pipeline_squares(tmp_path):
    """A function from files' bytes to the squares that the pipeline makes of them."""

    def make(photos, frame="auto", size=32):
        for i, photo in enumerate(photos):
            (tmp_path / f"{i}.photo").write_bytes(photo)
        rows = "".join(f"{i},{i}.photo\n" for i in range(len(photos)))
        (tmp_path / "catalog.csv").write_text(f"product_id,image\n{rows}")
        catalog = read_catalog(tmp_path / "catalog.csv", ())
        found = scan_photos(catalog, size, frame, tmp_path / "cache")
        assert not found.rejects
        (batch,) = in_order(found).as_numpy_iterator()
        return batch["image"]

    return make


# Enlarged and shrunk, even and odd, up to where JPEG is decoded at an eighth.
SIZES = [(40, 60), (127, 129), (192, 288), (288, 192), (300, 420), (1100, 1301)]


@pytest.mark.integration
@pytest.mark.parametrize("file_format", ["JPEG", "PNG"])
@pytest.mark.parametrize("find_frame", few(True, more=[False]))
def test_squares_are_those_of_the_pipeline(file_format, find_frame, pipeline_squares):
    photos = [encoded(garment(*size), file_format) for size in SIZES]
    expected = pipeline_squares(photos, "auto" if find_frame else "photo")
    np.testing.assert_array_equal(read(photos, find_frame), expected)


@pytest.mark.integration
def test_the_frame_is_found():
    photo = encoded(garment(200, 200), "PNG")
    blue = (read([photo]) < 100).any(axis=-1).mean()
    blue_in_whole = (read([photo], find_frame=False) < 100).any(axis=-1).mean()
    assert blue > 1.5 * blue_in_whole


@pytest.mark.integration
@pytest.mark.parametrize("mode", few("RGBA", more=["L", "RGB", "P"]))
def test_png_of_any_mode_is_read_as_by_the_pipeline(mode, pipeline_squares):
    image = garment(100, 90, mode)
    if mode == "RGBA":
        opacity = np.tile(np.linspace(0, 255, 100).astype(np.uint8), (90, 1))
        image.putalpha(Image.fromarray(opacity))
    photo = encoded(image, "PNG")
    difference = read([photo]).astype(int) - pipeline_squares([photo])
    assert np.abs(difference).max() <= (1 if mode == "RGBA" else 0)


def test_no_photo_at_all():
    assert read(np.array([], object).astype("S")).shape == (0, 32, 32, 3)


@pytest.mark.parametrize("photo", [b"", b"this is no photo", b"\xff\xd8\xff\xe0"])
def test_what_is_no_photo_is_refused(photo):
    with pytest.raises(tf.errors.InvalidArgumentError):
        read([photo])


@pytest.mark.parametrize("size", [(1, 1), (128, 128), (149, 237), (640, 480)])
def test_thumbnails_are_those_of_pillow_to_the_bit(size):
    levels = np.random.default_rng(0).integers(0, 256, (*size, 3)).astype(np.uint8)
    thumbnail = examine(encoded(Image.fromarray(levels), "PNG")).thumbnail
    np.testing.assert_array_equal(shrink(tf.constant(levels)), thumbnail)


def test_photos_of_too_many_pixels_are_refused_before_they_are_decoded():
    small = Image.new("L", (4, 4))
    png = bytearray(encoded(small, "PNG"))
    png[16:24] = struct.pack(">II", 20_000, 20_000)
    jpeg = bytearray(encoded(small, "JPEG"))
    at = jpeg.index(b"\xff\xc0")
    jpeg[at + 5 : at + 9] = struct.pack(">HH", 60_000, 60_000)
    for photo in (png, jpeg):
        with pytest.raises(tf.errors.InvalidArgumentError, match="too many pixels"):
            read_squares(tf.constant([bytes(photo)]), 32, False)
