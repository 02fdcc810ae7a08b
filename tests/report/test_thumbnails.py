import base64
import io
import os
import struct
import warnings
import zlib

import numpy as np
import pytest
from crafted_images import ADOBE_RGB, encode, rgb_profile
from PIL import Image

from cv_tf.report.thumbnails import Thumbnail, thumbnail, thumbnails

RED, BLUE = (200, 40, 40), (40, 40, 200)
PREFIX = "data:image/jpeg;base64,"


def halves(width, height):
    """Red on the left, blue on the right."""
    image = Image.new("RGB", (width, height), RED)
    image.paste(BLUE, (width // 2, 0, width, height))
    return image


def shown(made):
    """The photo that a browser sees."""
    assert made.reason == ""
    assert made.uri.startswith(PREFIX)
    image = Image.open(io.BytesIO(base64.b64decode(made.uri[len(PREFIX) :])))
    assert image.format == "JPEG"
    assert image.size == (made.width, made.height)
    return image


def near(image, place, color):
    return np.abs(np.subtract(image.convert("RGB").getpixel(place), color)).max() <= 12


class TestPhotos:
    @pytest.mark.parametrize(
        ("size", "small"),
        [
            ((640, 320), (160, 80)),
            ((300, 900), (53, 160)),
            ((40, 20), (40, 20)),
            ((4000, 4), (160, 1)),
        ],
    )
    def test_fit_a_square_and_are_never_enlarged(self, size, small, tmp_path):
        halves(*size).save(tmp_path / "photo.png")
        made = thumbnail(str(tmp_path / "photo.png"))
        assert shown(made).size == small

    def test_of_what_is_in_a_file(self, tmp_path):
        halves(640, 320).save(tmp_path / "photo.png")
        path = str(tmp_path / "photo.png")
        data = (tmp_path / "photo.png").read_bytes()
        made = thumbnails([path, data, b"This is not a photo."])
        assert made[data] == made[path]
        assert made[b"This is not a photo."].reason == "not an image (a text file?)"

    @pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.gif", "a.bmp"])
    def test_of_many_kinds(self, name, tmp_path):
        halves(400, 400).save(tmp_path / name)
        image = shown(thumbnail(str(tmp_path / name)))
        assert near(image, (40, 80), RED)
        assert near(image, (120, 80), BLUE)

    def test_another_side(self, tmp_path):
        halves(400, 400).save(tmp_path / "photo.jpg")
        assert shown(thumbnail(str(tmp_path / "photo.jpg"), side=64)).size == (64, 64)

    def test_are_turned_upright(self, tmp_path):
        exif = Image.Exif()
        exif[0x0112] = 6  # Turn it right to see it upright.
        halves(400, 200).save(tmp_path / "photo.jpg", exif=exif)
        image = shown(thumbnail(str(tmp_path / "photo.jpg")))
        assert image.size == (80, 160)
        assert near(image, (40, 20), RED)
        assert near(image, (40, 140), BLUE)

    def test_have_the_colors_of_their_profile(self):
        profile = rgb_profile(ADOBE_RGB, 563 / 256)
        image = Image.new("RGB", (400, 200), (160, 90, 80))
        for file_format in ("JPEG", "PNG"):
            plain = encode(image, file_format)
            other = encode(image, file_format, icc_profile=profile)
            assert near(shown(thumbnail(plain)), (80, 50), (160, 90, 80))
            red, green, _ = shown(thumbnail(other)).getpixel((80, 50))
            assert red - green > 70 + 12
            assert "icc_profile" not in shown(thumbnail(other)).info

    def test_transparent_ones_lie_on_white(self, tmp_path):
        image = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
        image.paste((*RED, 255), (50, 0, 100, 100))
        image.save(tmp_path / "alpha.png")
        image.quantize(8).save(tmp_path / "palette.png")
        for name in ("alpha.png", "palette.png"):
            small = shown(thumbnail(str(tmp_path / name)))
            assert near(small, (10, 50), (255, 255, 255)), name
            assert near(small, (90, 50), RED), name

    def test_grey_of_16_bits_and_inks(self, tmp_path):
        grey = np.full((20, 20), 100 * 256, np.uint16)
        Image.fromarray(grey).save(tmp_path / "grey.png")
        Image.new("CMYK", (20, 20), (0, 255, 255, 0)).save(tmp_path / "ink.jpg")
        assert near(shown(thumbnail(str(tmp_path / "grey.png"))), (9, 9), (100,) * 3)
        assert near(shown(thumbnail(str(tmp_path / "ink.jpg"))), (9, 9), (255, 0, 0))

    def test_leave_their_notes_behind(self, tmp_path):
        exif = Image.Exif()
        exif[0x010E] = "where it was taken"
        halves(400, 400).save(tmp_path / "a.jpg", exif=exif, comment=b"secret" * 9)
        made = thumbnail(str(tmp_path / "a.jpg"))
        encoded = base64.b64decode(made.uri[len(PREFIX) :])
        assert b"secret" not in encoded
        assert b"taken" not in encoded
        assert not shown(made).getexif()

    def test_damaged_notes_do_no_harm(self, tmp_path):
        exif = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 20
        halves(400, 400).save(tmp_path / "a.jpg", exif=exif)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            (made,) = thumbnails([str(tmp_path / "a.jpg")]).values()
        shown(made)


def png(width, height):
    """The head of a photo of some size, and next to nothing behind it."""

    def chunk(kind, data):
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0" * 9))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + chunk(b"IEND", b"")


class TestNoPhoto:
    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "the file is empty"),
            (b"This is not a photo.", "not an image"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
            (png(10_001, 10_000), "too large: 10001 x 10000 pixels, at most 100 mil"),
            (png(100_000, 100_000), "too large: more pixels than any photo"),
            (png(1000, 1000), "damaged or truncated"),
        ],
    )
    def test_file_that_is_none(self, content, reason, tmp_path):
        (tmp_path / "photo.png").write_bytes(content)
        (made,) = thumbnails([str(tmp_path / "photo.png")]).values()
        assert made.reason.startswith(reason)
        assert made == Thumbnail(reason=made.reason)

    def test_truncated(self, tmp_path):
        file = io.BytesIO()
        halves(400, 400).save(file, "JPEG")
        (tmp_path / "photo.jpg").write_bytes(file.getvalue()[:2000])
        assert "truncated" in thumbnail(str(tmp_path / "photo.jpg")).reason

    def test_nothing_to_open(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        assert thumbnail("").reason == "no image given"
        assert thumbnail(f"{tmp_path}/none.jpg").reason == "the file is missing"
        assert thumbnail(str(tmp_path)).reason == "is a folder, not a file"
        assert thumbnail(f"{tmp_path}/pipe").reason == "is a named pipe, not a file"
        assert thumbnail("a\0b.jpg").reason.startswith("the file cannot be read")

    def test_of_another_kind_than_photos_are(self, tmp_path):
        Image.new("L", (9, 9)).save(tmp_path / "photo.jpg", "PPM")
        assert thumbnail(str(tmp_path / "photo.jpg")).reason.startswith("not an image")


def test_each_once_and_by_name(tmp_path):
    halves(400, 200).save(tmp_path / "wide.jpg")
    halves(200, 400).save(tmp_path / "high.jpg")
    wide, high = str(tmp_path / "wide.jpg"), str(tmp_path / "high.jpg")
    made = thumbnails([wide, "", high, wide])
    assert list(made) == [wide, "", high]
    assert made[wide] == thumbnail(wide)
    assert made[high] == thumbnail(high)
    assert made[""].reason == "no image given"


def test_large_ones_are_read_without_a_warning(tmp_path, monkeypatch):
    halves(200, 100).save(tmp_path / "photo.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 19_999)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (made,) = thumbnails([str(tmp_path / "photo.png")]).values()
    shown(made)
