"""Photos with bytes flipped, cut, put in, or telling lies: each is used or rejected."""

import os
import random
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from crafted_images import DISPLAY_P3, encode, exif_of, rgb_profile, tiff
from PIL import Image, features

from cv_tf.pipeline import BadImageError
from cv_tf.pipeline.examine import examine
from cv_tf.report import small_photo

_LIES = (b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4))
_LIES += tuple(struct.pack(f, 20_000) for f in ("<I", ">I"))
_LIES += tuple(struct.pack(f, 2**20) for f in ("<I", ">I"))


def photos():
    """Small photos, by format, with notes and profiles."""
    rng = np.random.default_rng(0)
    colors = rng.integers(0, 256, (12, 10, 4)).repeat(8, 0).repeat(8, 1)
    clear = Image.fromarray(colors.astype(np.uint8))
    image, palette = clear.convert("RGB"), clear.convert("RGB").convert("P")
    notes = {"exif": b"Exif\0\0" + exif_of(6)}
    notes["icc_profile"] = rgb_profile(DISPLAY_P3, 2.2)
    more = {"save_all": True, "append_images": [image.rotate(9)]}
    deep = colors[..., :3].astype(np.uint16) * 10
    found = {
        "JPEG": [
            encode(image, "JPEG", **notes),
            encode(image, "JPEG", progressive=True),
            encode(image.convert("CMYK"), "JPEG"),
        ],
        "PNG": [
            encode(clear, "PNG", **notes),
            encode(image, "PNG"),
            encode(palette, "PNG"),
            encode(Image.fromarray(deep[..., 0]), "PNG"),
        ],
        "WEBP": [
            encode(clear, "WEBP", **notes),
            encode(image, "WEBP", lossless=True),
            encode(image, "WEBP", **more),
        ],
        "GIF": [encode(palette, "GIF", **more)],
        "BMP": [encode(image, "BMP"), encode(palette, "BMP")],
        "TIFF": [
            encode(image, "TIFF", compression="tiff_lzw", **notes),
            encode(image, "TIFF", compression="jpeg"),
            encode(image, "TIFF"),
            tiff(deep, photometric=2, deflate=True),
        ],
    }
    if features.check_codec("jpg_2000"):
        tiles = encode(clear, "JPEG2000", tile_size=(32, 32))
        found["JPEG2000"] = [encode(image, "JPEG2000"), tiles]
    if "AVIF" in Image.OPEN:
        found["AVIF"] = [encode(image, "AVIF", **notes), encode(clear, "AVIF")]
    return found


def mutated(content, rng):
    """The content of a file with one to sixteen changes."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        start = rng.randrange(min(len(content), rng.choice((200, 10**9))))
        end = start + rng.choice((1, 2, 16, 256))
        kind = rng.randrange(7)
        if kind == 0:
            content[start] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del content[max(1, start) : rng.choice((end, None))]
        elif kind == 2:
            content[start:start] = rng.randbytes(rng.choice((1, 4, 64)))
        elif kind == 3:
            content[start:end] = bytes(end - start)
        elif kind == 4:
            content[start : start + 4] = rng.choice(_LIES)
        elif kind == 5:
            place = rng.randrange(len(content))
            content[place:place] = content[start:end]
        else:
            content[start:end] = rng.randbytes(end - start)
    return bytes(content)


def read_mutated(seeds):
    """Reads changed photos in both ways; returns how many were used and rejected."""
    seen, used, rejected = photos(), 0, 0
    examine(seen["JPEG"][0])
    for seed in seeds:
        rng = random.Random(seed)
        content = mutated(rng.choice(seen[rng.choice(sorted(seen))]), rng)
        start = time.monotonic()
        for read in (examine, lambda content: small_photo(content, 160)):
            try:
                read(content)
                used += 1
            except BadImageError as error:
                assert len(str(error)) > 5, seed
                rejected += 1
        assert time.monotonic() - start < 30, seed
    return used, rejected


@pytest.mark.filterwarnings("ignore")
def test_each_is_used_or_rejected():
    used, rejected = read_mutated(range(150))
    assert used > 30
    assert rejected > 30


@pytest.mark.slow
@pytest.mark.integration
def test_thousands_end_no_process_and_take_no_memory():
    folder = os.path.dirname(__file__)  # noqa: PTH120 (for the path of Python)
    code = (
        "import resource, warnings; warnings.simplefilter('ignore'); "
        "import test_mutated_photos as t; t.read_mutated(range(150, 160)); "
        "most = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; "
        "base = most(); t.read_mutated(range(160, 2300)); print(most() - base)"
    )
    paths = [folder, os.path.dirname(folder), *sys.path]  # noqa: PTH120
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) < 2 * 2**20  # Kilobytes.
