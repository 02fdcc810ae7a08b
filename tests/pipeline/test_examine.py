import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from cv_tf.pipeline import BadImageError
from cv_tf.pipeline.examine import examine


def picture(mode="RGB", size=(60, 40)):
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, (200, 40, 40))
    image.paste((40, 40, 200), (size[0] // 2, 0, *size))
    return image.convert(mode)


def encode(image, file_format, **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def assert_shows_the_picture(examined, tolerance=12):
    thumbnail = examined.thumbnail.astype(int)
    assert thumbnail.shape == (128, 128, 3)
    assert np.abs(thumbnail[64, 20] - [200, 40, 40]).max() <= tolerance
    assert np.abs(thumbnail[64, 108] - [40, 40, 200]).max() <= tolerance


def png_of_header(width, height):
    """A PNG file that claims a size and holds no pixels."""

    def chunk(kind, data):
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("file_format", "options", "kind"),
    [
        ("JPEG", {}, "jpeg"),
        ("JPEG", {"progressive": True}, "jpeg"),
        ("PNG", {}, "png"),
        ("WEBP", {"lossless": True}, "converted"),
        ("GIF", {}, "converted"),
        ("BMP", {}, "converted"),
        ("TIFF", {}, "converted"),
    ],
)
def test_formats_show_the_same_picture(file_format, options, kind):
    examined = examine(encode(picture(), file_format, **options))
    assert (examined.kind, examined.height, examined.width) == (kind, 40, 60)
    assert (examined.converted is None) == (kind != "converted")
    assert_shows_the_picture(examined)


def test_palette_is_converted_and_grey_is_read_as_it_is():
    palette = examine(encode(picture("P"), "PNG"))
    assert palette.kind == "converted"
    assert_shows_the_picture(palette, tolerance=30)
    for file_format, kind in (("PNG", "png"), ("JPEG", "jpeg")):
        grey = examine(encode(Image.new("L", (60, 40), 90), file_format))
        assert grey.kind == kind
        assert np.abs(grey.thumbnail.astype(int) - 90).max() <= 2


def test_cmyk_is_converted():
    image = Image.new("CMYK", (60, 40), (0, 255, 255, 0))  # red in print
    examined = examine(encode(image, "JPEG"))
    assert examined.kind == "converted"
    assert (np.abs(examined.thumbnail.astype(int) - [255, 0, 0]) <= 6).all()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_laid_on_white(mode):
    image = Image.new("RGBA", (60, 40), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 30, 40))
    examined = examine(encode(image.convert(mode), "PNG"))
    assert examined.kind == "converted"
    np.testing.assert_array_equal(examined.thumbnail[64, 20], [0, 0, 0])
    np.testing.assert_array_equal(examined.thumbnail[64, 108], [255, 255, 255])


def test_half_transparent_black_is_middle_grey():
    image = Image.new("RGBA", (60, 40), (0, 0, 0, 128))
    examined = examine(encode(image, "PNG"))
    np.testing.assert_array_equal(examined.thumbnail[64, 64], [127, 127, 127])


def test_a_transparent_color_of_a_plain_png_is_laid_on_white():
    examined = examine(encode(picture(), "PNG", transparency=(40, 40, 200)))
    assert examined.kind == "converted"
    np.testing.assert_array_equal(examined.thumbnail[64, 108], [255, 255, 255])


def test_sixteen_bits_are_scaled_not_clipped():
    ramp = np.linspace(0, 65535, 60).astype(np.uint16)
    image = Image.fromarray(np.tile(ramp, (40, 1)))
    examined = examine(encode(image, "PNG"))
    assert examined.kind == "converted"
    row = examined.thumbnail[64, :, 0].astype(int)
    assert np.abs(row - np.linspace(0, 255, 128)).max() <= 4


def test_exif_turns_the_photo_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees clockwise
    examined = examine(encode(picture(), "JPEG", exif=exif))
    assert (examined.kind, examined.height, examined.width) == ("converted", 60, 40)
    thumbnail = examined.thumbnail.astype(int)
    assert np.abs(thumbnail[20, 64] - [200, 40, 40]).max() <= 12
    assert np.abs(thumbnail[108, 64] - [40, 40, 200]).max() <= 12


def test_exif_that_turns_nothing_needs_no_conversion():
    exif = Image.Exif()
    exif[0x0112] = 1
    assert examine(encode(picture(), "JPEG", exif=exif)).kind == "jpeg"


def test_large_converted_photos_are_shrunk_and_keep_their_shape():
    examined = examine(encode(picture(size=(3000, 1500)), "WEBP"))
    assert (examined.height, examined.width) == (1500, 3000)
    assert (examined.copy_height, examined.copy_width) == (512, 1024)
    assert Image.open(io.BytesIO(examined.converted)).size == (1024, 512)
    assert_shows_the_picture(examined)


@pytest.mark.parametrize(
    ("encoded", "reason"),
    [
        (b"", "empty"),
        (b"hello, this is no photo\n" * 20, "text file"),
        (b"<!DOCTYPE html><html>not found</html>", "web page"),
        (b"\0\1\2\3" * 100, "unknown format"),
        (png_of_header(20_000, 20_000), "too large"),
        (png_of_header(50, 50), "damaged|truncated"),
    ],
)
def test_files_that_are_no_photo_say_why(encoded, reason):
    with pytest.raises(BadImageError, match=reason):
        examine(encoded)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_the_limit_is_a_hundred_million_pixels():
    with pytest.raises(BadImageError, match="too large: 10001 x 10000 pixels"):
        examine(png_of_header(10_001, 10_000))
    with pytest.raises(BadImageError, match=r"damaged|truncated"):
        examine(png_of_header(10_000, 10_000))


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_a_file_cut_short_is_called_so(file_format):
    random = np.random.default_rng(0)
    noise = Image.fromarray(random.integers(0, 256, (200, 200, 3)).astype(np.uint8))
    encoded = encode(noise, file_format)
    with pytest.raises(BadImageError, match=r"truncated|damaged"):
        examine(encoded[: len(encoded) * 2 // 3])


def test_a_large_jpeg_cut_short_is_called_so_although_it_is_read_at_a_fraction():
    random = np.random.default_rng(0)
    noise = Image.fromarray(random.integers(0, 256, (1200, 1200, 3)).astype(np.uint8))
    encoded = encode(noise, "JPEG")
    with pytest.raises(BadImageError, match="truncated"):
        examine(encoded[:-2000])
