"""Damaged and huge photos: each is used or rejected, in bounded memory and time.

A case is a format and a number, which draws the damage, or several: "jpeg:17",
"jpeg:0-19"; or "huge" and what is huge: "huge:png".
"""

from __future__ import annotations

import io
import os
import random
import tempfile
import zlib
from pathlib import Path

import numpy as np
from fault_inputs import mutated
from fault_lab import Lab, Problem, Trial
from fault_server import Order, Server
from PIL import Image, ImageDraw

_TRIALS = 250  # Of each format.
_AT_ONCE = 25
_MOST_SECONDS = 60.0
_MOST_MEMORY = 2 * 10**9  # Bytes beside those of the process before.
_SIDE = 10_000  # Of a huge photo, in pixels.
_HUGE_AT_ONCE = 4
_SIZE = 32  # Side of what photos are read into.
FORMATS = {
    "jpeg": {"quality": 90},
    "png": {},
    "webp": {"quality": 80},
    "avif": {"quality": 60},
    "gif": {},
    "bmp": {},
    "tiff": {"compression": "tiff_lzw"},
    "jpeg2000": {},
}
_SUFFIXES = {"jpeg": "jpg", "jpeg2000": "jp2", "tiff": "tif"}
# Modes and settings of huge photos; "sparse", "fifo" and "device" are no photos.
_HUGE = {
    "png": ("RGB", "png", {"compress_level": 1}),
    "png_alpha": ("RGBA", "png", {"compress_level": 1}),
    "png_16": ("I;16", "png", {"compress_level": 1}),
    "jpeg": ("RGB", "jpeg", {"quality": 30}),
    "jpeg_cmyk": ("CMYK", "jpeg", {"quality": 30, "progressive": True}),
    "gif": ("P", "gif", {}),
    "webp": ("RGB", "webp", {"method": 0, "quality": 10}),
    "tiff": ("RGB", "tiff", {"compression": "tiff_lzw"}),
}
_NO_PHOTOS = ("sparse", "fifo", "device")


class Photos:
    """Damages photos of every format, and looks through them as a catalogue."""

    def cases(self, lab: Lab, server: Server) -> list[str]:
        """The cases of a campaign, each of as many photos as one child reads."""
        del server
        cases = []
        for name in lab.wanted(FORMATS):
            number = lab.number(_TRIALS, name)
            for first in range(0, number, _AT_ONCE):
                cases.append(f"{name}:{first}-{min(first + _AT_ONCE, number) - 1}")
        huge = list(_HUGE)[: lab.number(len(_HUGE), "huge")]
        if lab.wanted(["huge"]):
            cases += [f"huge:{name}" for name in (*huge, *_NO_PHOTOS)]
        return cases

    def trial(self, lab: Lab, case: str, server: Server) -> Trial:
        """Reads photos in a child; where that fails, one by one."""
        name, _, numbers = case.partition(":")
        if name == "huge":
            return Trial.of(1, case, self._problem(lab, name, [numbers], server))
        first, _, last = numbers.partition("-")
        chosen = list(range(int(first), int(last or first) + 1))
        if not self._problem(lab, name, chosen, server):
            return Trial(len(chosen))
        problems = []
        for number in chosen:
            if what := self._problem(lab, name, [number], server):
                problems.append(Problem(f"{name}:{number}", what))
        if not problems:
            problems = [Problem(case, self._problem(lab, name, chosen, server))]
        return Trial(len(chosen), tuple(it for it in problems if it.what))

    @staticmethod
    def _problem(lab: Lab, name: str, which: list, server: Server) -> str:
        with tempfile.TemporaryDirectory(dir=lab.scratch) as folder:
            arguments = [folder, name, which, lab.seed]
            call = "fault_photos:write_photos"
            written = server.run_one(Order(call, arguments, folder, limit=300.0))
            if written.code:
                return f"cannot be made: {written.words()}"
            call = "fault_photos:read_photos"
            limit = _MOST_SECONDS + len(which)
            if name == "huge":
                limit = _MOST_SECONDS * (_HUGE_AT_ONCE + 1)
            end = server.run_one(Order(call, [folder], folder, limit=limit))
        if end.peak > _MOST_MEMORY:
            return f"takes {end.peak / 1e9:.1f} GB"
        if end.too_long:
            return f"takes over {limit:.0f} s"
        if end.result == "well" or (
            end.is_plain and "no photo can be used" in end.output
        ):
            return ""
        return f"dies: {end.words()}" if end.code else str(end.result)


def write_photos(folder: str, name: str, which: list, seed: int) -> None:
    """Writes photos, damaged or huge, and a catalogue of them."""
    names = []
    for it in which:
        if name == "huge":
            names += _write_huge(Path(folder), it)
            continue
        key = f"{seed} {name} {it}"
        rng = random.Random(zlib.crc32(key.encode()))  # noqa: S311
        photo = f"{it}.{_SUFFIXES.get(name, name)}"
        Path(folder, photo).write_bytes(mutated(_photo(name, rng), rng))
        names.append(photo)
    rows = [f"{photo},{photo},s,Shirts" for photo in names]
    text = "\n".join(["product_id,image,style_id,category", *rows, ""])
    Path(folder, "catalog.csv").write_text(text)


def read_photos(folder: str) -> str:
    """Looks through the photos of a catalogue, reads them all; says what is wrong."""
    from cv_tf.catalog import read_catalog  # noqa: PLC0415
    from cv_tf.pipeline import in_order, scan_photos  # noqa: PLC0415

    catalog = read_catalog(f"{folder}/catalog.csv")
    photos = scan_photos(catalog, _SIZE, "auto", f"{folder}/cache")
    if len(photos) + len(photos.rejects) != len(catalog):
        return f"{len(photos)} and {len(photos.rejects)} of {len(catalog)}"
    if empty := [reject for reject in photos.rejects if not reject.reason.strip()]:
        return f"{len(empty)} are rejected without a reason"
    images = [batch["image"] for batch in in_order(photos).as_numpy_iterator()]
    shapes = {image.shape[1:] for image in images} | {(_SIZE, _SIZE, 3)}
    if len(shapes) > 1 or sum(map(len, images)) != len(photos):
        return f"pixels are of the shapes {shapes}"
    return "well"


def _photo(name: str, rng: random.Random) -> bytes:
    """A drawn photo with some noise, in a format and one of its modes."""
    size = rng.randint(40, 160), rng.randint(40, 160)
    image = Image.new("RGB", size, "white")
    box = (size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4)
    ImageDraw.Draw(image).rectangle(box, fill=rng.choice(("navy", "crimson")))
    noise = np.random.default_rng(rng.getrandbits(32)).integers(0, 40, (*size[::-1], 3))
    pixels = np.asarray(image, np.int16) - noise
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    modes = {"png": ("RGB", "RGBA", "P", "L"), "jpeg": ("RGB", "L", "CMYK")}
    modes |= {"tiff": ("RGB", "CMYK", "L", "LAB"), "webp": ("RGB", "RGBA")}
    mode = rng.choice(modes.get(name, ("RGB",)))
    if mode == "LAB":
        image = Image.frombytes("LAB", image.size, image.tobytes())
    elif mode != "RGB":
        image = image.convert(mode)
    options = dict(FORMATS[name])
    if name == "jpeg" and rng.random() < 0.3:
        options["progressive"] = True
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def _write_huge(folder: Path, what: str) -> list[str]:
    """Writes what is huge or no file at all; returns the names of the photos."""
    small = folder / "small.jpg"
    Image.new("RGB", (64, 64), "navy").save(small)
    if what == "fifo":
        os.mkfifo(folder / "pipe.jpg")
        return ["small.jpg", "pipe.jpg"]
    if what == "device":
        (folder / "zero.jpg").symlink_to("/dev/zero")
        return ["small.jpg", "zero.jpg"]
    if what == "sparse":
        with (folder / "sparse.jpg").open("wb") as file:
            file.write(small.read_bytes())
            file.truncate(3 * 2**30)
        return ["small.jpg", "sparse.jpg"]
    mode, kind, options = _HUGE[what]
    suffix = _SUFFIXES.get(kind, kind)
    Image.MAX_IMAGE_PIXELS = None
    Image.new(mode, (_SIDE, _SIDE)).save(folder / f"0.{suffix}", kind, **options)
    names = [f"{number}.{suffix}" for number in range(_HUGE_AT_ONCE)]
    for name in names[1:]:
        (folder / name).write_bytes((folder / names[0]).read_bytes())
    return ["small.jpg", *names]
