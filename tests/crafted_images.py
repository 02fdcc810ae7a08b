"""Image files that Pillow does not write: chunks of PNG, deep TIFF, ICC profiles."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

SRGB = (
    (0.43607, 0.22249, 0.01392),
    (0.38515, 0.71687, 0.09708),
    (0.14307, 0.06061, 0.7141),
)
DISPLAY_P3 = (
    (0.51512, 0.2412, -0.00105),
    (0.29198, 0.69225, 0.04189),
    (0.1571, 0.06657, 0.78407),
)
ADOBE_RGB = (
    (0.60974, 0.31111, 0.01947),
    (0.20528, 0.62567, 0.06087),
    (0.14919, 0.06322, 0.74457),
)
PROPHOTO = (
    (0.7977, 0.28802, 0.0),
    (0.13519, 0.71188, 0.0),
    (0.03134, 0.00009, 0.82491),
)
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def encode(image, file_format, **options):
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def chunk(kind, data):
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def with_chunk(png, kind, data, late):
    """A PNG file with one more chunk, before or after its pixels."""
    at = len(png) - 12 if late else png.index(b"IDAT") - 4
    return png[:at] + chunk(kind, data) + png[at:]


def exif_of(turn):
    """EXIF that says how a photo must be turned, without the prefix of JPEG."""
    exif = Image.Exif()
    exif[0x0112] = turn
    return exif.tobytes().removeprefix(b"Exif\0\0")


def tiff(pixels, photometric=1, order="<", deflate=False, planar=1, **tags):
    """A TIFF file of [height, width] or [height, width, channels] numbers.

    More tags are given as `t338=value`.
    """
    pixels = np.atleast_3d(pixels).astype(np.asarray(pixels).dtype.newbyteorder(order))
    height, width, channels = pixels.shape
    layers = np.moveaxis(pixels, -1, 0) if planar == 2 else pixels[None]
    strips = [np.ascontiguousarray(layer).tobytes() for layer in layers]
    strips = [zlib.compress(strip) for strip in strips] if deflate else strips
    numbers = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    fields = {256: [width], 257: [height], 258: [8 * pixels.itemsize] * channels}
    fields |= {259: [8 if deflate else 1], 262: [photometric], 277: [channels]}
    fields |= {278: [height], 284: [planar], 339: [numbers] * channels}
    fields |= {int(tag[1:]): [value] for tag, value in tags.items()}
    fields |= {273: [0] * len(strips), 279: [len(strip) for strip in strips]}
    begin = 8 + 2 + 12 * len(fields) + 4
    far = sum(4 * len(values) for values in fields.values() if len(values) > 1)
    places = begin + far + np.cumsum([0] + [len(strip) for strip in strips])
    fields[273] = places[:-1].tolist()
    table, tail = b"", b""
    for tag, values in sorted(fields.items()):
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            packed, tail = struct.pack(f"{order}I", begin + len(tail)), tail + packed
        table += struct.pack(f"{order}HHI", tag, 4, len(values)) + packed
    start = b"II*\0" if order == "<" else b"MM\0*"
    start += struct.pack(f"{order}IH", 8, len(fields))
    return start + table + bytes(4) + tail + b"".join(strips)


def rgb_profile(colorants, curve):
    """The ICC profile of a screen: colorants in XYZ (D50), a gamma or five numbers."""
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    tags = dict(zip(names, map(_xyz, colorants), strict=True))
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(curve))
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def grey_profile(gamma):
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": _curve(gamma)})


def ink_profile(lab_of_cyan):
    """An ICC profile of inks, which all are black but cyan."""
    lightness, a, b = lab_of_cyan
    corners = np.zeros((2, 2, 2, 2, 3), np.uint8) + np.array([0, 128, 128], np.uint8)
    corners[0, 0, 0, 0] = 255, 128, 128
    corners[1, 0, 0, 0] = round(lightness * 2.55), a + 128, b + 128
    ramp = bytes(range(256))
    table = b"mft1" + bytes(4) + bytes((4, 3, 2, 0))
    table += struct.pack(">9i", *(np.eye(3, dtype=int) * 65536).ravel())
    table += ramp * 4 + corners.tobytes() + ramp * 3
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": table})


def _xyz(values):
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in values))


def _curve(curve):
    values = np.round(np.atleast_1d(curve) * 65536).astype(int)
    kind = 0 if len(values) == 1 else 3
    packed = struct.pack(f">{len(values)}i", *values)
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + packed


def _profile(kind, space, connection, tags):
    tags = {b"wtpt": _xyz((0.9642, 1.0, 0.8249)), **tags}
    body, table = b"", struct.pack(">I", len(tags))
    for name, data in tags.items():
        place = 128 + 4 + 12 * len(tags) + len(body)
        table += name + struct.pack(">II", place, len(data))
        body += data + bytes(-len(data) % 4)
    head = bytearray(128)
    head[:4] = struct.pack(">I", 128 + len(table) + len(body))
    head[8:24] = b"\x04\x20\0\0" + kind + space + connection
    head[36:40] = b"acsp"
    head[68:80] = struct.pack(">3i", 63190, 65536, 54061)  # The light: D50.
    return bytes(head) + table + body
