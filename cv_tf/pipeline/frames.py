"""Finds the frame of the product in photos with a plain background.

All of it is for NumPy arrays and for tensors. A scan calls it for a few photos at a
time, which takes no longer than a large batch that XLA has compiled, and nothing has to
be compiled; a SavedModel has it in its graph.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
import tensorflow.experimental.numpy as tnp

Array = Any  # An array of NumPy, or a tensor of TensorFlow.

WHOLE_PHOTO = (0.0, 0.0, 1.0, 1.0)

_MARGIN = 0.04  # Added on each side, as a fraction of the photo's size.
_EDGE = 2  # Outermost pixels, which are ignored: thin drawn borders and dark edges.
_RING = 3  # Pixels inside of the edge, which show the background.

# Differences from the background, of 255.
_FAR = 40.0  # Ring pixels that differ more are not background.
_CERTAIN = 24.0  # Pixels that are darker by less may be a shadow.
_FAINT = 12.0  # Pixels that differ less are background, in a photo without noise.
_NOISE = 6.0  # Pixels that differ by less than this many times the noise are noise.

_MIN_SHARE = 0.012  # Smallest fraction of a row or column; fewer pixels are specks.
_MISSED = 0.75  # A sure box with less than this share of the faint box is a piece.
_MIN_SIDE = 0.04  # Smallest side of a product, as a fraction of the photo.
_MIN_AREA = 0.005  # Smallest area of a product, as a fraction of the photo.
_BUSY_SIDE = 0.5  # Share of product that makes one side of the ring busy.
_SIDES = (slice(_RING), slice(-_RING, None))  # Two of the ring's, by their lines.
_BUSY_SIDES = 3  # Busy sides, of four, of a busy photo; a cropped product touches two.


class Frames(NamedTuple):
    """The frames of n photos.

    Attributes:
      frames: [n, 4] float32, (top, left, height, width) in fractions of the photo.
      found: [n] bool, false where the frame is the whole photo, as most of the border
        is not background, or the box is too small.
      sides: [n] int32, number of edges of the photo, 0 to 4, that the box reaches
        without its margin: they cut what it holds.
    """

    frames: Array
    found: Array
    sides: Array


def find_frames(thumbnails: Array) -> Frames:
    """Finds the box of all pixels that differ from the background, with a margin.

    Thumbnails are [n, height, width, 3] uint8, static sides of about 128. Of an array,
    the frames are arrays; of a tensor, tensors.

    The background is a smooth surface fitted to the border, and shadows are not
    product. But of a white product on white, only buttons and a label may be no shadow;
    so if the box of all pixels that differ is much larger, it is used instead.
    """
    xp = library_of(thumbnails)
    inside = thumbnails[:, _EDGE:-_EDGE, _EDGE:-_EDGE]
    height, width = inside.shape[1:3]
    difference, noise = _difference_from_background(inside)
    red, green, blue = difference[:, 0], difference[:, 1], difference[:, 2]
    brightest = xp.maximum(xp.maximum(red, green), blue)
    darkest = xp.minimum(xp.minimum(red, green), blue)
    faint = xp.maximum(noise * _NOISE, _FAINT)
    faint = xp.minimum(faint, _CERTAIN)[:, None]
    # A shadow is equally darker in all channels: not brighter, and without a hue.
    certain = xp.maximum(brightest, brightest - darkest) > faint
    certain = certain | (darkest < -_CERTAIN)
    any_difference = xp.maximum(brightest, -darkest)
    masks = [certain, any_difference > faint, any_difference > _CERTAIN]
    masks = xp.asarray(xp.stack(masks, axis=1), np.float32)
    masks = xp.reshape(masks, (-1, 3, height, width))
    in_rows = xp.matmul(masks, np.ones(width, np.float32)) / width
    in_columns = xp.matmul(np.ones(height, np.float32), masks) / height
    boxes = _bounding_boxes(in_rows[:, :2], in_columns[:, :2])
    sure_box, faint_box = boxes[:, 0], boxes[:, 1]
    is_piece = _area(sure_box) < _area(faint_box) * _MISSED
    box = xp.where(is_piece[:, None], faint_box, sure_box)

    plausible = xp.minimum(box[:, 2], box[:, 3]) >= _MIN_SIDE
    found = plausible & (_area(box) >= _MIN_AREA)
    found = found & ~_is_busy(in_rows[:, 2], in_columns[:, 2])
    frames = add_margin(_to_whole_photo(box, (height, width)))
    whole = np.array(WHOLE_PHOTO, np.float32)
    return Frames(xp.where(found[:, None], frames, whole), found, _sides_reached(box))


def border_colors(thumbnails: Array) -> Array:
    """The median color, [n, 3] uint8, of the border of each of n thumbnails."""
    inside = thumbnails[:, _EDGE:-_EDGE, _EDGE:-_EDGE]
    return _median(_take(_planes(inside), _ring_of(*inside.shape[1:3])))


def add_margin(boxes: Array) -> Array:
    """Widens boxes as in `find_frames`, [n, 4], by the margin, within the photo."""
    xp = library_of(boxes)
    start = xp.maximum(boxes[:, :2] - _MARGIN, np.float32(0))
    end = xp.minimum(boxes[:, :2] + boxes[:, 2:] + _MARGIN, np.float32(1))
    return xp.concatenate([start, end - start], axis=-1)


def library_of(values: Array) -> Any:
    """The functions of NumPy, for arrays, or those of the same names for tensors."""
    return np if isinstance(values, np.ndarray) else tnp


def _planes(photos: Array) -> Array:
    """The channels of [n, height, width, 3] one after the other, [n, 3, p]."""
    xp = library_of(photos)
    height, width, channels = photos.shape[1:]
    pixels = xp.reshape(photos, (-1, height * width, channels))
    return xp.transpose(pixels, (0, 2, 1))


def _take(planes: Array, places: np.ndarray) -> Array:
    return library_of(planes).take(planes, places, axis=2)


def _difference_from_background(photos: Array) -> tuple[Array, Array]:
    """Subtracts a quadratic surface fitted to the ring, channel by channel.

    Returns it, [n, 3, height * width], and its mean absolute value in the ring, [n].
    """
    xp = library_of(photos)
    height, width = photos.shape[1:3]
    ring_of, (surface, solution) = _ring_of(height, width), _surface(height, width)
    planes = xp.asarray(_planes(photos), np.float32)
    ring = _take(planes, ring_of)
    median = _median(ring)[..., None]
    ring = ring - median
    distance = xp.max(xp.abs(ring), axis=1, keepdims=True)
    is_near = xp.asarray(distance < _FAR, np.float32)
    coefficients = xp.matmul(ring * is_near, solution)
    difference = planes - (xp.matmul(coefficients, surface) + median)

    residual = xp.max(xp.abs(_take(difference, ring_of)), axis=1, keepdims=True)
    noise = xp.sum(residual * is_near, axis=(1, 2))
    return difference, noise / xp.maximum(xp.sum(is_near, axis=(1, 2)), np.float32(1))


def _bounding_boxes(in_rows: Array, in_columns: Array) -> Array:
    """The boxes (top, left, height, width), [n, m, 4], of m masks of each of n photos.

    [n, m, height] and [n, m, width] are the shares of each row and column in the mask.
    """
    xp = library_of(in_rows)
    (top, bottom), (left, right) = _extent(in_rows), _extent(in_columns)
    boxes = xp.stack([top, left, bottom - top, right - left], axis=-1)
    return xp.maximum(boxes, np.float32(0))


def _extent(share: Array) -> tuple[Array, Array]:
    """First and last line, as fractions, with enough of the product, [n, m] each."""
    xp = library_of(share)
    lines = share.shape[-1]
    has_product, number = share > _MIN_SHARE, np.arange(lines, dtype=np.float32)
    first = xp.min(xp.where(has_product, number, np.float32(lines)), axis=-1)
    last = xp.max(xp.where(has_product, number + 1, np.float32(0)), axis=-1)
    return first / lines, last / lines


def _to_whole_photo(boxes: Array, size: tuple[int, int]) -> Array:
    """Boxes in fractions of the whole photo, not of its inside; 0 and 1 stay."""
    xp = library_of(boxes)
    inside = np.array(size, np.float32)
    start, end = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    whole = inside + 2 * _EDGE
    start = xp.where(start <= 0, np.float32(0), (start * inside + _EDGE) / whole)
    end = xp.where(end >= 1, np.float32(1), (end * inside + _EDGE) / whole)
    return xp.concatenate([start, end - start], axis=-1)


def _sides_reached(boxes: Array) -> Array:
    """Number of the photo's edges that each box reaches, [n] int32."""
    xp = library_of(boxes)
    rounding = 1e-4  # A line is 80 times as much.
    starts, ends = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    reached = xp.concatenate([starts < rounding, ends > 1 - rounding], axis=-1)
    return xp.asarray(xp.sum(xp.asarray(reached, np.int32), axis=-1), np.int32)


def _is_busy(in_rows: Array, in_columns: Array) -> Array:
    """Whether most sides of the ring are not background, [n] bool.

    [n, height] and [n, width] are the shares of each row and column that are not.
    """
    xp = library_of(in_rows)
    sides = [lines[:, place] for lines in (in_rows, in_columns) for place in _SIDES]
    shares = xp.mean(xp.stack(sides, axis=1), axis=2)
    busy = xp.asarray(shares > _BUSY_SIDE, np.int32)
    return xp.sum(busy, axis=1) >= _BUSY_SIDES


def _area(boxes: Array) -> Array:
    return boxes[:, 2] * boxes[:, 3]


def _median(planes: Array) -> Array:
    """Median of every fourth pixel (sorting is slow) of [n, 3, p], over axis 2."""
    pixels = library_of(planes).sort(planes[:, :, ::4], axis=2)
    return pixels[:, :, pixels.shape[2] // 2]


@functools.cache
def _ring_of(height: int, width: int) -> np.ndarray:
    """The places of the ring's pixels."""
    in_ring = np.ones((height, width), bool)
    in_ring[_RING:-_RING, _RING:-_RING] = False
    return np.flatnonzero(in_ring)


@functools.cache
def _surface(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A quadratic surface, [6, p], and the matrix that fits it to a ring, [r, 6].

    The surface has the terms 1, x, y, x^2, y^2, xy at each pixel. The values of a
    ring times the matrix are what to multiply them with. Both are float32.
    """
    y, x = np.meshgrid(
        np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij"
    )
    terms = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y]).astype(np.float32)
    terms = terms.reshape(6, -1)
    ring = terms[:, _ring_of(height, width)]
    return terms, np.ascontiguousarray(np.linalg.pinv(ring.T).T)
