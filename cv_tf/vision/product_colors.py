"""The background of a photo, and the color of the product in front of it."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from cv_tf.vision.plane_layer import to_planes

# Approximate side in pixels to which photos are shrunk: hides weave and seams.
_SIDE = 32
# sRGB (IEC 61966-2-1) to CIE XYZ, over the white of D65: grey maps to (g, g, g).
_TO_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_TO_XYZ = (_TO_XYZ / _TO_XYZ.sum(axis=1, keepdims=True)).astype(np.float32)
_EPSILON, _KAPPA = 216 / 24389, 24389 / 27  # CIE 15:2004, 8.2.1.


def background_mask(planes: tf.Tensor, tolerance: float = 24.0) -> tf.Tensor:
    """Marks the pixels, [batch, height, width], between the border and the product.

    The color of the background is the median of the four corners. A pixel is background
    if a straight line from it to the border, along its row or column, crosses no color
    that differs by more than `tolerance` levels. So white details inside a product on
    white are not background, and a busy background is hardly marked at all.
    """
    planes = tf.cast(planes, tf.float32)
    _, channels, height, width = planes.shape
    corners = tf.reshape(planes[:, :, :: height - 1, :: width - 1], [-1, channels, 4])
    low, high = tf.reduce_min(corners, axis=2), tf.reduce_max(corners, axis=2)
    # The median of four numbers is the mean of the two in the middle.
    color = (tf.reduce_sum(corners, axis=2) - low - high) / 2.0
    distance = tf.reduce_max(tf.abs(planes - color[..., None, None]), axis=1)
    foreground = tf.cast(distance > tolerance, tf.float32)
    return _outside_span(foreground, axis=1) | _outside_span(foreground, axis=2)


@tf.autograph.experimental.do_not_convert
def product_color(images: tf.Tensor) -> tf.Tensor:
    """The mean color of the product in each photo, [batch, 3] float32 in CIELAB.

    Lightness is in 0..100, a and b in about -100..100. A plain background is left out.
    If the whole photo looks like background, the mean is over the whole photo.

    Args:
      images: [batch, side, side, 3], 0..255; the side static.
    """
    small = _shrunk(images)
    foreground = ~background_mask(to_planes(small))
    found = tf.reduce_any(foreground, axis=(1, 2), keepdims=True)
    weight = tf.cast(foreground | ~found, tf.float32)
    total = tf.einsum("bhwc,bhw->bc", _to_lab(small), weight)
    return total / tf.reduce_sum(weight, axis=(1, 2))[:, None]


def _shrunk(images: tf.Tensor) -> tf.Tensor:
    """Averages squares of equally many pixels; rows first, three times as fast."""
    side = images.shape[1]
    step = max(side // _SIDE, 1)
    cells = side // step
    used = tf.cast(images[:, : cells * step, : cells * step], tf.float32)
    rows = tf.reshape(used, [-1, cells, step, cells * step * 3])
    sums = tf.reshape(tf.reduce_sum(rows, axis=2), [-1, cells, cells, step, 3])
    return tf.reduce_sum(sums, axis=3) / step**2


def _outside_span(foreground: tf.Tensor, axis: int) -> tf.Tensor:
    """Marks the pixels before the first or after the last one of the foreground."""
    extent = foreground.shape[axis]
    shape = [extent if axis == other else 1 for other in range(3)]
    # Counted from 1, because 0 means that there is no foreground.
    from_start = tf.reshape(tf.range(1.0, extent + 1.0), shape)
    from_end = extent + 1.0 - from_start
    last = tf.reduce_max(foreground * from_start, axis, keepdims=True)
    first = tf.reduce_max(foreground * from_end, axis, keepdims=True)
    return (from_start > last) | (from_end > first)


def _to_lab(images: tf.Tensor) -> tf.Tensor:
    """Converts sRGB in 0..255 to CIELAB under D65."""
    encoded = tf.cast(images, tf.float32) / 255.0
    linear = tf.where(
        encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4
    )
    xyz = tf.einsum("...c,xc->...x", linear, tf.constant(_TO_XYZ))
    root = tf.where(
        xyz > _EPSILON, tf.maximum(xyz, _EPSILON) ** (1 / 3), (_KAPPA * xyz + 16) / 116
    )
    x, y, z = tf.unstack(root, axis=-1)
    return tf.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)
