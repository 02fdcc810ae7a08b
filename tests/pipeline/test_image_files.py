import io

import numpy as np
import pytest
from crafted_images import chunk, encode, exif_of, tiff, with_chunk
from PIL import Image, features

from cv_tf.pipeline import BadImageError, open_image, plain_rgb
from cv_tf.pipeline.examine import examine
from cv_tf.pipeline.image_files import orientation, shown_size
from cv_tf.report.thumbnails import thumbnail

# The stored pixels of which a photo is made by each turn of EXIF.
STORED = {
    1: lambda image: image,
    2: lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    3: lambda image: image.transpose(Image.Transpose.ROTATE_180),
    4: lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    6: lambda image: image.transpose(Image.Transpose.ROTATE_90),
    7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
    8: lambda image: image.transpose(Image.Transpose.ROTATE_270),
}
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="%d"/></x:xmpmeta>'


def corners():
    """A photo whose corners have four colors."""
    image = Image.new("RGB", (96, 64), (200, 40, 40))
    image.paste((40, 200, 40), (48, 0, 96, 32))
    image.paste((40, 40, 200), (0, 32, 48, 64))
    image.paste((240, 240, 240), (48, 32, 96, 64))
    return image


def raw_profile(turn):
    exif = b"Exif\0\0" + exif_of(turn)
    text = f"\nexif\n{len(exif):8}\n{exif.hex()}\n"
    return b"Raw profile type exif\0" + text.encode()


def itxt(turn):
    return b"XML:com.adobe.xmp\0\0\0\0\0" + XMP % turn


WAYS = {
    "jpeg": lambda image, turn: encode(
        image, "JPEG", quality=98, subsampling=0, exif=b"Exif\0\0" + exif_of(turn)
    ),
    "png": lambda image, turn: with_chunk(
        encode(image, "PNG"), b"eXIf", exif_of(turn), late=False
    ),
    "png, late": lambda image, turn: with_chunk(
        encode(image, "PNG"), b"eXIf", exif_of(turn), late=True
    ),
    "png, text": lambda image, turn: with_chunk(
        encode(image, "PNG"), b"tEXt", raw_profile(turn), late=False
    ),
    "png, late text": lambda image, turn: with_chunk(
        encode(image, "PNG"), b"tEXt", raw_profile(turn), late=True
    ),
    "png, xmp": lambda image, turn: with_chunk(
        encode(image, "PNG"), b"iTXt", itxt(turn), late=False
    ),
    "png, late xmp": lambda image, turn: with_chunk(
        encode(image, "PNG"), b"iTXt", itxt(turn), late=True
    ),
    "png, palette": lambda image, turn: with_chunk(
        encode(image.quantize(8), "PNG"), b"eXIf", exif_of(turn), late=True
    ),
    "webp": lambda image, turn: encode(
        image, "WEBP", lossless=True, exif=exif_of(turn)
    ),
    "tiff": lambda image, turn: tiff(np.asarray(image), photometric=2, t274=turn),
    "tiff, deflate": lambda image, turn: tiff(
        np.asarray(image), photometric=2, deflate=True, t274=turn
    ),
    "tiff, 16 bits": lambda image, turn: tiff(
        np.asarray(image).astype(np.uint16) * 16, photometric=2, t274=turn
    ),
}
if features.check("avif"):
    WAYS["avif"] = lambda image, turn: encode(
        image, "AVIF", quality=98, subsampling="4:4:4", exif=exif_of(turn)
    )


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("way", WAYS)
def test_photos_are_turned_upright_however_that_is_said(way, turn):
    encoded = WAYS[way](STORED[turn](corners()), turn)
    opened = open_image(io.BytesIO(encoded))
    assert orientation(opened) == turn
    assert shown_size(opened) == (96, 64)
    with plain_rgb(opened, 1024) as upright:
        assert upright.size == (96, 64)
    difference = np.abs(np.subtract(upright, corners(), dtype=int))
    assert np.percentile(difference, 90) <= 12
    examined = examine(encoded)
    assert (examined.height, examined.width) == (64, 96)
    expected = examine(encode(corners(), "PNG")).thumbnail.astype(int)
    assert np.abs(examined.thumbnail - expected).mean() <= 6
    small = thumbnail(encoded)
    assert (small.width, small.height) == (96, 64)


@pytest.mark.parametrize("turn", [0, 9, 255])
def test_unknown_turns_turn_nothing(turn):
    for file_format, kind in (("jpeg", "jpeg"), ("png", "png")):
        assert examine(WAYS[file_format](corners(), turn)).kind == kind


def test_asking_does_not_read_the_pixels(monkeypatch):
    encoded = [
        encode(corners(), "JPEG"),
        encode(corners(), "PNG"),
        WAYS["png"](corners(), 6),
        with_chunk(encode(corners(), "PNG"), b"tEXt", b"Comment\0none", late=True),
    ]
    images = [open_image(io.BytesIO(each)) for each in encoded]
    for image in images:
        monkeypatch.setattr(type(image), "load", pytest.fail)
    assert [orientation(image) for image in images] == [1, 1, 6, 1]


def test_damaged_notes_do_no_harm():
    exif = b"II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 20
    for late in (False, True):
        encoded = with_chunk(encode(corners(), "PNG"), b"eXIf", exif, late)
        assert examine(encoded).kind == "png"
    assert examine(encode(corners(), "JPEG", exif=b"Exif\0\0" + exif)).kind == "jpeg"


def box(brand, *others):
    brands = b"".join((brand, bytes(4), *others))
    return (len(brands) + 8).to_bytes(4, "big") + b"ftyp" + brands + bytes(300)


@pytest.mark.parametrize(
    ("start", "named"),
    [
        (box(b"heic", b"mif1"), "HEIC, an Apple photo format. Save it as JPEG."),
        (box(b"mif1", b"mif1", b"heic"), "HEIC"),
        (box(b"msf1", b"hevc"), "HEIC"),
        (box(b"mif1", b"miaf"), "HEIF"),
        (box(b"avif", b"mif1"), "AVIF"),
        (box(b"crx "), "camera raw"),
        (box(b"isom", b"mp42"), "a video"),
        (box(b"qt  "), "a video"),
        (b"\x1a\x45\xdf\xa3" + bytes(99), "a video"),
        (b"RIFF\0\0\1\0AVI LIST" + bytes(99), "a video"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(99), "JPEG XL"),
        (b"\xff\x0a" + bytes(99), "JPEG XL"),
        (b"%PDF-1.7\n" + b"x" * 99, "PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x --><svg width='9'/>", "SVG"),
        (b"8BPS\0\1" + bytes(99), "PSD"),
        (b"II*\0\x10\0\0\0CR\x02\0" + bytes(99), "camera raw"),
        (b"FUJIFILMCCD-RAW 0201", "camera raw"),
        (b"IIRO\x08\0\0\0" + bytes(99), "camera raw"),
        (b"IIU\0\x08\0\0\0" + bytes(99), "camera raw"),
        (b"PK\x03\x04" + bytes(99), "ZIP"),
        (b"\x1f\x8b\x08" + bytes(99), "gzip"),
        (b"\0\x05\x16\x07" + bytes(99), "AppleDouble"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (bytes(500), "only zeros"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "damaged or truncated"),
        (b"\xff\xd8\xff\xe0" + b"\1" * 99, "damaged or truncated"),
        (b"<!DOCTYPE html><html><svg></svg></html>", "web page"),
    ],
)
def test_files_that_are_no_photo_are_named(start, named):
    with pytest.raises(BadImageError) as error:
        examine(start)
    assert named in str(error.value)
    assert thumbnail(start).reason == str(error.value)


@pytest.mark.parametrize("tags", [{"t50706": 1}, {"t254": 1, "t330": 400}])
def test_the_small_preview_of_camera_raw_is_not_taken_for_the_photo(tags):
    preview = tiff(np.asarray(corners()), photometric=2, **tags)
    with pytest.raises(BadImageError, match="camera raw"):
        examine(preview)


@pytest.mark.skipif(not features.check("jpg_2000"), reason="Pillow lacks JPEG 2000")
def test_jpeg_2000_is_read():
    examined = examine(encode(corners(), "JPEG2000"))
    expected = examine(encode(corners(), "PNG")).thumbnail
    np.testing.assert_array_equal(examined.thumbnail, expected)


def test_a_chunk_of_png_may_be_of_any_kind():
    encoded = with_chunk(encode(corners(), "PNG"), b"prVt", b"abc", late=True)
    assert examine(encoded).kind == "png"
    assert examine(encoded + chunk(b"tEXt", b"behind the end")).kind == "png"
