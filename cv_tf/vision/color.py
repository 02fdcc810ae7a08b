"""Changes of color, and the input of a backbone in RGB or grey.

Every change except gamma is an affine map of RGB, one 3 x 3 matrix and one offset a
sample. A chain, `saturation(factors).then(contrast(gains))`, is multiplied out and
applied in a single pass. Pixels are float32 in 0..255, parameters float32 [batch];
"luma" is Rec. 601 luma, 0.299 R + 0.587 G + 0.114 B.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras as keras

from cv_tf import choices

LUMA = (0.299, 0.587, 0.114)

# Every row is the luma: maps a color to the grey of the same luma.
_TO_GREY = np.tile(np.array(LUMA, np.float32), (3, 1))
_IDENTITY = np.eye(3, dtype=np.float32)
# RGB to YIQ (NTSC), and the quarter turn of the plane of I and Q, back in RGB.
_TO_YIQ = np.array(
    [LUMA, (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135)]
)
_QUARTER_TURN = (
    np.linalg.inv(_TO_YIQ) @ np.array([[0, 0, 0], [0, 0, -1], [0, 1, 0]]) @ _TO_YIQ
).astype(np.float32)


class ColorTransform(NamedTuple):
    """An affine map of RGB for each sample: `matrix @ rgb + offset`.

    Attributes:
      matrix: [batch, 3, 3] float32.
      offset: [batch, 3] float32, in 0..255 levels.
    """

    matrix: tf.Tensor
    offset: tf.Tensor

    def then(self, following: ColorTransform) -> ColorTransform:
        """One transform for this one and then another, without clipping between."""

        # Written out, since a matrix product drops to bfloat16 or TF32 on some
        # accelerators and offsets are as large as 255.
        def product(left, right):
            return tf.reduce_sum(left[..., None] * right[:, None], axis=2)

        offset = product(following.matrix, self.offset[..., None])[..., 0]
        return ColorTransform(
            product(following.matrix, self.matrix), offset + following.offset
        )

    def __call__(self, planes: tf.Tensor) -> tf.Tensor:
        """Changes [batch, 3, height, width] planes and clips them to 0..255."""
        mixed = tf.einsum("bij,bjhw->bihw", self.matrix, tf.cast(planes, tf.float32))
        return tf.clip_by_value(mixed + self.offset[..., None, None], 0.0, 255.0)


def _affine(matrix: tf.Tensor, level: tf.Tensor | float = 0.0) -> ColorTransform:
    """A transform whose offset is one level [batch] for all three channels."""
    level = tf.broadcast_to(level, tf.shape(matrix)[:1])
    return ColorTransform(matrix, tf.tile(level[:, None], [1, 3]))


def _blend(factor: tf.Tensor, one: np.ndarray, zero: np.ndarray) -> tf.Tensor:
    """Linear interpolation: `zero` at factor 0, `one` at 1; factors may exceed 1."""
    return zero + factor[:, None, None] * (one - zero)


def brightness(factor: tf.Tensor) -> ColorTransform:
    """Multiplies all channels by a factor: `factor * x`."""
    return _affine(_blend(factor, _IDENTITY, np.zeros_like(_IDENTITY)))


def contrast(factor: tf.Tensor) -> ColorTransform:
    """Stretches around mid-grey: `127.5 + factor * (x - 127.5)`."""
    matrix = _blend(factor, _IDENTITY, np.zeros_like(_IDENTITY))
    return _affine(matrix, 127.5 * (1.0 - factor))


def saturation(factor: tf.Tensor) -> ColorTransform:
    """Moves away from grey: `luma + factor * (x - luma)`; 0 gives grey."""
    return _affine(_blend(factor, _IDENTITY, _TO_GREY))


def hue_rotation(turns: tf.Tensor) -> ColorTransform:
    """Rotates colors about the grey axis, in full turns; greys and luma stay.

    The rotation is linear, in the I-Q plane of NTSC's YIQ. (A shift of HSV's hue is not
    linear and changes the luma.) Strong colors can leave 0..255 and are clipped.
    """
    angle = (2.0 * math.pi * turns)[:, None, None]
    chroma = _IDENTITY - _TO_GREY
    return _affine(_TO_GREY + tf.cos(angle) * chroma + tf.sin(angle) * _QUARTER_TURN)


def lightness_inversion(amount: tf.Tensor) -> ColorTransform:
    """Swaps dark and light but keeps the hue: `x + amount * (255 - 2 * luma)`.

    With amount 1, a pixel of luma Y gets luma 255 - Y and keeps its differences
    between channels: black becomes white, navy becomes pale blue. Amount 0 changes
    nothing. Strong colors can leave 0..255 and are clipped.
    """
    return _affine(_blend(amount, _IDENTITY - 2.0 * _TO_GREY, _IDENTITY), 255 * amount)


def channel_mixing(matrix: tf.Tensor) -> ColorTransform:
    """Replaces each channel by a mixture of all, with weights [batch, 3, 3].

    Row i makes channel i: `red = matrix[0] @ rgb`. Greys stay if all rows sum to 1.
    """
    return _affine(matrix)


def grey(images: tf.Tensor) -> tf.Tensor:
    """Luma in all three channels, [batch, height, width, 3] float32."""
    return _three_times_luma(images, axis=3)


def grey_images(planes: tf.Tensor) -> tf.Tensor:
    """`grey` of planes, [batch, 3, height, width]: [batch, height, width, 3]."""
    return _three_times_luma(planes, axis=1)


def _three_times_luma(pixels: tf.Tensor, axis: int) -> tf.Tensor:
    red, green, blue = tf.unstack(tf.cast(pixels, tf.float32), axis=axis)
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    shape = tf.concat([tf.shape(luma), [3]], axis=0)
    return tf.ensure_shape(tf.broadcast_to(luma[..., None], shape), [*luma.shape, 3])


def gamma(planes: tf.Tensor, exponent: tf.Tensor) -> tf.Tensor:
    """Gamma correction, `255 * (x / 255) ** exponent` in float32; above 1 darkens.

    Planes are [batch, channels, height, width] in 0..255, exponents [batch].
    """
    # exp(log) is many times faster than pow on a CPU, with XLA and without. The lower
    # bound avoids log(0) and is far below one level for any exponent > 0.1.
    fraction = tf.maximum(tf.cast(planes, tf.float32) / 255.0, 1e-30)
    return 255.0 * tf.exp(exponent[:, None, None, None] * tf.math.log(fraction))


def color_input(images: tf.Tensor, mode: str) -> tf.Tensor:
    """Turns RGB photos into the input of a backbone, float32 of the same shape.

    Args:
      images: [batch, height, width, 3], 0..255.
      mode: "rgb" leaves the colors, "grey" puts the luma into all three channels.

    Raises:
      ValueError: If the mode is unknown.
    """
    choices.check("mode", mode, choices.COLOR_MODES)
    return grey(images) if mode == "grey" else tf.cast(images, tf.float32)


@keras.utils.register_keras_serializable(package="cv_tf")
class ColorInput(keras.layers.Layer):
    """`color_input` as a layer: float32 pixels, also under mixed precision.

    Args:
      mode: "rgb" or "grey".

    Raises:
      ValueError: If the mode is unknown.

    Example:
      >>> red = tf.constant([[[[255, 0, 0]]]], tf.uint8)
      >>> ColorInput("grey")(red).numpy().astype(int).tolist()
      [[[[76, 76, 76]]]]
    """

    def __init__(self, mode: str = "rgb", **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        choices.check("mode", mode, choices.COLOR_MODES)
        self.mode = mode

    def call(self, images):
        """Maps [batch, height, width, 3] in 0..255 to float32 of the same shape."""
        return color_input(images, self.mode)

    def get_config(self):
        """The arguments of this layer."""
        return {**super().get_config(), "mode": self.mode}
