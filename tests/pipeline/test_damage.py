import io

import numpy as np
import pytest
from crafted_images import encode, exif_of, with_chunk
from PIL import Image

from cv_tf.pipeline import BadImageError, open_image, plain_rgb
from cv_tf.pipeline.damage import has_hole
from cv_tf.pipeline.examine import examine
from cv_tf.report.thumbnails import thumbnail


def noise(mode="RGB", side=200):
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (side, side, 3)).astype(np.uint8)
    return Image.fromarray(pixels).convert(mode)


def turned(png):
    return with_chunk(png, b"eXIf", exif_of(6), late=True)


PNGS = {
    "plain": encode(noise(), "PNG"),
    "grey": encode(noise("L"), "PNG"),
    "transparent": encode(noise("RGBA"), "PNG"),
    "palette": encode(noise("P"), "PNG"),
    "turned": turned(encode(noise(), "PNG")),
    "16 bits": encode(Image.fromarray(np.asarray(noise("L")) * np.uint16(257)), "PNG"),
}


@pytest.mark.parametrize("name", PNGS)
@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_a_flipped_byte_in_png_is_found(name, place):
    encoded = bytearray(PNGS[name])
    encoded[int(place * len(encoded))] ^= 0x10
    encoded = bytes(encoded)
    with pytest.raises(BadImageError, match="damaged"):
        examine(encoded)
    opened = open_image(io.BytesIO(encoded))
    with pytest.raises(BadImageError, match="damaged"), plain_rgb(opened, 160):
        pass
    assert "damaged" in thumbnail(encoded).reason


def test_a_flipped_byte_of_a_palette_is_found():
    encoded = bytearray(PNGS["palette"])
    encoded[encoded.index(b"PLTE") + 20] ^= 0x10
    with pytest.raises(BadImageError, match="damaged"):
        examine(bytes(encoded))


def test_only_the_end_of_png_may_be_missing():
    for name, encoded in PNGS.items():
        if name != "turned":
            assert examine(encoded[:-12]).width == 200, name
        with pytest.raises(BadImageError, match=r"truncated|damaged"):
            examine(encoded[: len(encoded) * 2 // 3])


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_hole_in_a_jpeg_is_found(mode):
    encoded = encode(noise(mode), "JPEG")
    middle = len(encoded) // 2
    encoded = encoded[:middle] + bytes(512) + encoded[middle + 512 :]
    with pytest.raises(BadImageError, match="zeros"):
        examine(encoded)


@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("color", ["white", "black", (40, 90, 130)])
def test_flat_photos_have_no_hole(options, mode, color):
    for side in (40, 1500):
        image = Image.new("RGB", (side, side), color)
        image.paste((20, 20, 90), (side // 3, side // 3, side // 2, side // 2))
        assert not has_hole(encode(image.convert(mode), "JPEG", **options))


def test_zeros_beside_the_pixels_are_no_hole():
    encoded = encode(noise(), "JPEG", comment=bytes(999)) + bytes(999)
    assert examine(encoded).kind == "jpeg"


@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("WEBP", {}),
        ("GIF", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("JPEG2000", {}),
    ],
)
def test_what_is_cut_short_is_found_in_every_format(file_format, options):
    encoded = encode(noise(), file_format, **options)
    with pytest.raises(BadImageError, match=r"damaged|truncated"):
        examine(encoded[: len(encoded) * 2 // 3])
