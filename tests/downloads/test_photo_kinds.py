"""What servers send, by its first bytes."""

import io

import pytest
from PIL import Image

from cv_tf.downloads.failures import FetchFailure
from cv_tf.downloads.photo_kinds import START, SUFFIXES, suffix_of


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        ("JPEG", "jpg"),
        ("PNG", "png"),
        ("GIF", "gif"),
        ("TIFF", "tiff"),
        ("BMP", "bmp"),
        ("WEBP", "webp"),
        ("JPEG2000", "jp2"),
        ("AVIF", "avif"),
    ],
)
def test_photos(kind, suffix):
    file = io.BytesIO()
    if kind not in Image.SAVE and not Image.init() and kind not in Image.SAVE:
        pytest.skip(f"this Pillow writes no {kind}")
    try:
        Image.new("RGB", (16, 16), "red").save(file, kind)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {kind}")
    assert suffix_of(file.getvalue()) == suffix
    assert suffix_of(file.getvalue()[:START]) == suffix
    assert suffix in SUFFIXES


@pytest.mark.parametrize(
    ("start", "what"),
    [
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"\xef\xbb\xbf\r\n <HTML lang=en>", "a web page"),
        (b"<?xml version='1.0'?><svg/>", "XML or HTML"),
        (b"<svg xmlns='x'>", "SVG, a drawing"),
        (b'{"error": "not found"}', "JSON"),
        (b"Not found", "text"),
        (b"BMW is a maker of cars", "text"),
        (b"%PDF-1.7", "a PDF"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"\x1f\x8b\x08", "a file compressed by gzip"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC, which is not read"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "a video"),
        (b"RIFF\0\0\0\0AVI LIST", "something unknown"),
        (b"\0\0\0\0\0\0\0\0\0\0\0\0", "something unknown"),
    ],
)
def test_what_is_no_photo(start, what):
    with pytest.raises(FetchFailure) as failure:
        suffix_of(start)
    assert failure.value.reason == f"the server sends {what}, not a photo"
    assert not failure.value.again
