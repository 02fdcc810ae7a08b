"""Photos that announce more than they have, or would take more than there is."""

import io
import os
import socket
import struct
import threading
import time
import zlib

import numpy as np
import pytest
from crafted_images import chunk, encode, exif_of
from PIL import Image

from cv_tf import files
from cv_tf.errors import UserError
from cv_tf.pipeline import (
    BadImageError,
    examine as examine_module,
    file_bounds,
    image_files,
    open_image,
    photo_content,
    plain_rgb,
)
from cv_tf.pipeline.examine import examine
from cv_tf.pipeline.memory_budget import MemoryBudget

SMALL = Image.new("RGB", (32, 24), (200, 40, 40))
JPEG, PNG, GIF = (encode(SMALL, name) for name in ("JPEG", "PNG", "GIF"))
PIXELS_OF_PNG = PNG.index(b"IDAT") - 4
PIXELS_OF_GIF = 13 + 3 * 2 ** ((GIF[10] & 7) + 1)


def in_png(data):
    return PNG[:PIXELS_OF_PNG] + data + PNG[PIXELS_OF_PNG:]


def in_jpeg(data):
    return JPEG[:2] + data + JPEG[2:]


def in_gif(data):
    return GIF[:PIXELS_OF_GIF] + data + GIF[PIXELS_OF_GIF:]


def tags(entries, order="<"):
    """A directory of TIFF or EXIF of (tag, type, count, value)."""
    packed = b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries)
    start = b"II*\0" if order == "<" else b"MM\0*"
    start += struct.pack(f"{order}IH", 8, len(entries))
    return start + packed + bytes(4)


def scans(jpeg, number):
    """A JPEG file whose last scan comes some more times."""
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:-2] + jpeg[last:-2] * number + jpeg[-2:]


PROGRESSIVE = encode(SMALL, "JPEG", progressive=True)
BOMBS = {
    "segments of JPEG": (in_jpeg(b"\xff\xfe\0\x02" * 20_000), "10,000 segments"),
    "notes of JPEG": (
        in_jpeg((b"\xff\xe1\xfd\xe8Exif\0\0" + bytes(64_992)) * 600),
        "33,554,432 bytes beside",
    ),
    "scans of JPEG": (scans(PROGRESSIVE, 200), "100 scans"),
    "chunks of PNG": (in_png(chunk(b"teSt", b"") * 200_000), "100,000 chunks"),
    "pieces of pixels of PNG": (in_png(chunk(b"IDAT", b"") * 200_000), "chunks"),
    "notes of PNG": (in_png(chunk(b"teSt", bytes(2**25 + 1))), "bytes beside"),
    "profile of PNG": (
        in_png(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000)))),
        "damaged",
    ),
    "comments of GIF": (
        in_gif((b"\x21\xfe\x01c\0") * 300_000),
        "1,048,576 bytes beside",
    ),
    "notes of WebP": (
        encode(SMALL, "WEBP", icc_profile=bytes(40_000_000)),
        "bytes beside",
    ),
    "profile of TIFF": (
        encode(SMALL, "TIFF", icc_profile=bytes(20_000_000)),
        "color profile has 20,000,000 bytes",
    ),
    "tags of TIFF that share their bytes": (
        tags([(40_000 + i, 7, 1_000_000, 8) for i in range(5000)]) + bytes(1_000_000),
        "bytes beside",
    ),
    "tags of large TIFF": (
        b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 2**40) + bytes(200),
        "100,000 tags",
    ),
    "pages of TIFF": (
        b"II*\0\x08\0\0\0"
        + b"".join(struct.pack("<HI", 0, 8 + 6 * i) for i in range(1, 3000))
        + bytes(6),
        "1,000 pages",
    ),
    "tags of EXIF that share their bytes": (
        encode(
            SMALL,
            "JPEG",
            exif=b"Exif\0\0" + tags([(i, 7, 50_000, 8) for i in range(5000)]),
        ),
        "bytes beside",
    ),
    "a side": (encode(Image.new("L", (1, 70_000)), "PNG"), "at most 65,535 a side"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_announces_more_than_any_photo_is_rejected_at_once(name):
    content, reason = BOMBS[name]
    start = time.monotonic()
    with pytest.raises(BadImageError, match=reason):
        examine(content)
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("place", [8, 10])
def test_directories_that_lead_in_a_circle_end(place):
    pages = struct.pack("<HI", 0, place)
    file_bounds.check_tags(b"II*\0\x08\0\0\0" + pages + pages)


def jpeg_2000(layers=1, side=512, block=4):
    """A JPEG 2000 file that claims layers, a size, and blocks of 4 * 2^block pixels."""
    content = bytearray(encode(Image.new("RGB", (512, 512)), "JPEG2000"))
    size, style = content.index(b"\xff\x51"), content.index(b"\xff\x52")
    content[size + 6 : size + 14] = struct.pack(">2I", side, side)
    content[size + 22 : size + 30] = struct.pack(">2I", side, side)
    content[style + 6 : style + 8] = struct.pack(">H", layers)
    content[style + 10 : style + 12] = bytes((block, block))
    return bytes(content)


def test_pieces_of_jpeg_2000_are_counted():
    file_bounds.check_bounds(jpeg_2000())
    with pytest.raises(BadImageError, match="1,000,000 pieces"):
        file_bounds.check_bounds(jpeg_2000(layers=65_535))
    with pytest.raises(BadImageError, match="1,000,000 pieces"):
        file_bounds.check_bounds(jpeg_2000(side=4000, block=0))
    file_bounds.check_bounds(jpeg_2000(side=10_000, layers=20))


def test_ordinary_notes_are_no_reason():
    profile, exif = bytes(3_000_000), b"Exif\0\0" + exif_of(6)
    for file_format in ("JPEG", "WEBP", "TIFF"):
        encoded = encode(SMALL, file_format, icc_profile=profile, exif=exif)
        assert examine(encoded).height == 32


def test_only_scans_of_the_photo_itself_count():
    # Cameras put a video, or another photo, behind their photos.
    examine(JPEG + b"\xff\xda" * 500)
    examine(scans(PROGRESSIVE, 80) + b"\xff\xda" * 500)


def test_jpeg_that_is_decoded_in_several_scans_is_known():
    assert not file_bounds.keeps_coefficients(JPEG)
    assert file_bounds.keeps_coefficients(PROGRESSIVE)
    assert not file_bounds.keeps_coefficients(JPEG[:30])


class TestFiles:
    def test_what_is_no_file_is_named(self, tmp_path):
        os.mkfifo(tmp_path / "pipe.jpg")
        (tmp_path / "folder.jpg").mkdir()
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(tmp_path / "s"))
            for name, kind in (
                (tmp_path / "pipe.jpg", "named pipe"),
                (tmp_path / "folder.jpg", "folder"),
                (tmp_path / "s", "socket"),
                ("/dev/zero", "device"),
            ):
                with (
                    pytest.raises(BadImageError, match=f"is a {kind}, not a file"),
                    photo_content(str(name)),
                ):
                    pass

    def test_what_becomes_a_pipe_does_not_block(self, tmp_path, monkeypatch):
        os.mkfifo(tmp_path / "pipe.jpg")
        monkeypatch.setattr(files.os, "stat", lambda _: os.lstat(__file__))
        with (
            pytest.raises(UserError, match="named pipe"),
            photo_content(str(tmp_path / "pipe.jpg")),
        ):
            pass

    def test_files_without_end_are_not_read(self, tmp_path):
        with (tmp_path / "a.png").open("wb") as file:
            file.truncate(3_000_000_000)
        with (
            pytest.raises(BadImageError, match=r"3,000 MB, at most 420 MB"),
            photo_content(str(tmp_path / "a.png")),
        ):
            pass

    def test_files_of_the_kernel_are_empty(self):
        with photo_content("/proc/self/mounts") as content:
            assert content == b""


class TestMemory:
    def test_held_bytes_stay_within_the_budget(self):
        budget, most, lock = MemoryBudget(100), [0], threading.Lock()

        def work(size):
            for _ in range(20):
                with budget.hold(size), lock:
                    most[0] = max(most[0], budget.held)

        sizes = (10, 40, 60, 100, 250)
        threads = [threading.Thread(target=work, args=(size,)) for size in sizes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
            assert not thread.is_alive()
        assert 0 < most[0] <= 100
        assert budget.held == 0

    def test_a_large_one_is_not_passed_by(self):
        budget, order = MemoryBudget(10), []

        def work(name, size):
            with budget.hold(size):
                order.append(name)

        with budget.hold(5):
            threads = [threading.Thread(target=work, args=("large", 10))]
            threads[0].start()
            while not budget._waiting:
                time.sleep(0.001)
            threads.append(threading.Thread(target=work, args=("small", 1)))
            threads[1].start()
            time.sleep(0.05)
            assert order == []
        for thread in threads:
            thread.join(10)
        assert order == ["large", "small"]

    def test_who_gives_up_gives_back(self):
        budget = MemoryBudget(10)
        with pytest.raises(KeyError), budget.hold(7):
            raise KeyError
        assert budget.held == 0

    @pytest.mark.parametrize(
        ("file_format", "options", "most"),
        [
            ("JPEG", {}, 0.13),  # Decoded at an eighth.
            ("JPEG", {"progressive": True}, 7),  # Its coefficients are kept.
            ("PNG", {}, 10),
            ("WEBP", {}, 20),
        ],
    )
    def test_what_decoding_takes_is_held(self, monkeypatch, file_format, options, most):
        budget = MemoryBudget(10**9)
        monkeypatch.setattr(image_files, "PIXELS", budget)
        image = Image.new("RGB", (1600, 1600))
        opened = open_image(io.BytesIO(encode(image, file_format, **options)))
        with plain_rgb(opened, 100):
            assert 0 < budget.held / 1600**2 <= most
        assert budget.held == 0

    def test_what_takes_too_much_alone_is_rejected(self, monkeypatch):
        monkeypatch.setattr(image_files, "_MOST_MEMORY", 1_000_000)
        with pytest.raises(BadImageError, match=r"takes 0\.0 GB of memory"):
            examine(encode(Image.new("RGB", (400, 400)), "WEBP"))


MODES = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"]


def drawn(mode):
    rng = np.random.default_rng(0)
    if mode == "I;16":
        return Image.fromarray(rng.integers(0, 65536, (37, 23)).astype(np.uint16))
    pixels = rng.integers(0, 256, (37, 23, 4)).astype(np.uint8)
    image = Image.fromarray(pixels)
    return (image if mode in ("RGBA", "LA") else image.convert("RGB")).convert(mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("turn", range(1, 9))
def test_strips_are_the_same_as_the_whole(mode, turn, monkeypatch):
    file_format = "TIFF" if mode == "CMYK" else "PNG"
    encoded = encode(drawn(mode), file_format, exif=exif_of(turn))

    def pixels():
        with plain_rgb(open_image(io.BytesIO(encoded)), 1024) as plain:
            return np.asarray(plain)

    whole = pixels()
    monkeypatch.setattr(image_files, "_AT_ONCE", 100)
    np.testing.assert_array_equal(pixels(), whole)


@pytest.mark.parametrize(
    ("file_format", "options"),
    [("PNG", {}), ("JPEG", {"progressive": True, "quality": 30})],
)
def test_large_photos_that_are_decoded_whole_get_small_copies(
    file_format, options, monkeypatch
):
    image = Image.new("RGB", (1200, 1100), (200, 40, 40))
    encoded = encode(image, file_format, **options)
    assert examine(encoded).kind != "converted"
    monkeypatch.setattr(examine_module, "MOST_NATIVE_PIXELS", 10**6)
    examined = examine(encoded)
    assert (examined.kind, examined.height) == ("converted", 1100)
    assert max(examined.copy_height, examined.copy_width) == 1024
    assert examine(encode(image, "JPEG", quality=30)).kind == "jpeg"


def test_large_jpeg_2000_is_decoded_at_a_fraction(monkeypatch):
    monkeypatch.setattr(image_files, "_REDUCED_FROM", 10**5)
    image = Image.new("RGB", (420, 410), (200, 40, 40))
    opened = open_image(io.BytesIO(encode(image, "JPEG2000")))
    with plain_rgb(opened, 100) as plain:
        assert plain.size == (105, 103)
