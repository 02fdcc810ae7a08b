import struct
import zlib

import numpy as np
import pytest
from crafted_images import chunk, encode, tiff, with_chunk
from PIL import Image

from cv_tf.pipeline import BadImageError
from cv_tf.pipeline.examine import examine

RAMP = np.tile(np.linspace(0, 1, 64), (48, 1))  # Black on the left, white on the right.
COLORS = np.stack([RAMP, RAMP[:, ::-1], RAMP * 0.5], axis=-1)


def assert_shows(encoded, expected, tolerance=3):
    """The photo is that of `expected`, 0 to 1, [height, width] or with channels."""
    expected = np.round(255 * expected).astype(np.uint8)
    reference = examine(encode(Image.fromarray(expected).convert("RGB"), "PNG"))
    assert reference.thumbnail[64, :, 0].std() > 60
    found = examine(encoded)
    assert found.kind == "converted"
    difference = np.abs(found.thumbnail.astype(int) - reference.thumbnail)
    assert difference.max() <= tolerance


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_grey_of_16_bits_uses_the_bits_that_its_brightest_value_needs(
    bits, order, deflate
):
    pixels = np.round(RAMP * (2**bits - 1)).astype(np.uint16)
    assert_shows(tiff(pixels, order=order, deflate=deflate), RAMP)


@pytest.mark.parametrize("bits", [12, 16, 20, 24, 32])
def test_integers_of_32_bits_as_well(bits):
    pixels = np.round(RAMP * (2**bits - 1))
    assert_shows(tiff(pixels.astype(np.uint32)), RAMP)
    if bits < 32:
        assert_shows(tiff(pixels.astype(np.int32)), RAMP)


def test_a_dark_photo_of_12_bits_is_as_dark_as_its_tags_say():
    pixels = np.round(RAMP * 1000).astype(np.uint16)
    found = examine(tiff(pixels, t281=4095)).thumbnail
    assert found.max() == 1000 >> 4
    assert_shows(tiff(pixels), RAMP * 1000 / 1023)
    assert_shows(tiff(pixels, t281=65535), RAMP * 1000 / 1023)  # True of any file.


@pytest.mark.parametrize("white", [1.0, 1.05, 255.0, 1023.0, 65535.0])
@pytest.mark.parametrize("order", ["<", ">"])
def test_floats_are_of_the_scale_that_their_brightest_has(white, order):
    scale = min(white / 255, 1.0) * 255 if white > 1.05 else white
    encoded = tiff((RAMP * scale).astype(np.float32), order=order)
    assert_shows(encoded, np.clip(RAMP * (white if white < 2 else 1), 0, 1))


@pytest.mark.parametrize(
    "pixels",
    [
        (RAMP * 65535).astype(np.uint16),
        (RAMP * 4095).astype(np.uint16),
        RAMP.astype(np.float32),
        (RAMP * 255).astype(np.uint8),
    ],
)
def test_white_may_be_zero(pixels):
    assert_shows(tiff(pixels, photometric=0), 1 - RAMP)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("bits", [10, 12, 14, 16])
def test_colors_of_16_bits_use_the_bits_that_they_need(bits, order, deflate):
    pixels = np.round(COLORS * (2**bits - 1)).astype(np.uint16)
    encoded = tiff(pixels, photometric=2, order=order, deflate=deflate)
    assert_shows(encoded, COLORS, tolerance=4)


@pytest.mark.parametrize("opaque", [4095, 65535])
def test_opacity_has_bits_of_its_own(opaque):
    pixels = np.round(COLORS * 4095).astype(np.uint16)
    opacity = np.full((*RAMP.shape, 1), opaque, np.uint16)
    pixels = np.concatenate([pixels, opacity], axis=-1)
    assert_shows(tiff(pixels, photometric=2, t338=2), COLORS, tolerance=4)


def test_inks_of_12_bits():
    inks = np.zeros((40, 60, 4), np.uint16)
    inks[..., 1:3] = 4095
    found = examine(tiff(inks, photometric=5)).thumbnail
    np.testing.assert_array_equal(found[64, 64], [255, 0, 0])


def nan():
    pixels = RAMP.astype(np.float32)
    pixels[3, 3] = np.nan
    return pixels


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (nan(), "no numbers"),
        (np.full((9, 9), np.inf, np.float32), "no numbers"),
        (RAMP.astype(np.float32) - 0.5, r"values are -0.5 to 0.5"),
        (RAMP.astype(np.float32) * 5, "values are 0 to 5"),
        (RAMP.astype(np.float32) * 0.001, "values are 0 to 0.001"),
        (RAMP.astype(np.float32) * 1e9, "values are 0 to 1e"),
        ((RAMP * 2000 - 1000).astype(np.int16), "values are -1000 to 1000"),
        ((RAMP * 3).astype(np.uint16), "values are 0 to 3"),
        ((RAMP * 3).astype(np.int32), "values are 0 to 3"),
    ],
)
def test_what_would_look_black_or_wrong_is_named(pixels, reason):
    with pytest.raises(BadImageError, match=reason):
        examine(tiff(pixels))


@pytest.mark.parametrize("deflate", [False, True])
def test_channels_apart_are_read_right_or_named(deflate):
    pixels = np.round(COLORS * 4095).astype(np.uint16)
    with pytest.raises(BadImageError, match="16 bits"):
        examine(tiff(pixels, photometric=2, planar=2, deflate=deflate))


@pytest.mark.parametrize("dtype", [np.float64, np.float16])
def test_numbers_that_are_not_read_are_named(dtype):
    with pytest.raises(BadImageError, match="TIFF that is not read"):
        examine(tiff(RAMP.astype(dtype)))


def test_a_transparent_level_of_16_bits_lies_on_white():
    levels = np.full((40, 60), 300, np.uint16)
    levels[:, 30:] = 301  # The same in 8 bits.
    png = encode(Image.fromarray(levels), "PNG")
    png = with_chunk(png, b"tRNS", (300).to_bytes(2, "big"), late=False)
    row = examine(png).thumbnail[64, :, 0]
    assert (row[20], row[108]) == (255, 1)


def test_png_and_jpeg_2000_say_themselves_how_many_bits_they_use():
    dark = np.round(RAMP * 4095).astype(np.uint16)
    for file_format in ("PNG", "JPEG2000"):
        found = examine(encode(Image.fromarray(dark), file_format)).thumbnail
        assert abs(int(found.max()) - 15) <= 1


def test_a_transparent_color_of_16_bits_lies_on_white():
    levels = np.full((40, 60, 3), 300, ">u2")
    levels[:, 30:, 2] = 301  # The same in 8 bits.
    lines = b"".join(b"\0" + line.tobytes() for line in levels)
    head = b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", 60, 40, 16, 2, 0, 0, 0)
    )
    clear = chunk(b"tRNS", struct.pack(">HHH", 300, 300, 300))
    pixels = chunk(b"IDAT", zlib.compress(lines))
    row = examine(head + clear + pixels + chunk(b"IEND", b"")).thumbnail[64, :, 2]
    assert (row[20], row[108]) == (255, 1)
