"""Crops, shifts and zooms of images, along one axis after the other.

`tf.image.crop_and_resize` does not compile to XLA. Here, linear interpolation along the
columns is a [width, image_width] matrix for each sample. The pixels of a row lie
together in memory: the two rows that are nearest are read and blended, which is faster
than a matrix product. Antialiasing is a wider triangle, in a matrix for either axis.
"""

from __future__ import annotations

import math

import tensorflow as tf
import tf_keras as keras

from cv_tf.vision.plane_layer import PlaneLayer, checked_probability, checked_range
from cv_tf.vision.random import Rows, per_image, split_seed


def interpolation_matrix(
    start: tf.Tensor,
    size: tf.Tensor,
    num_outputs: int,
    num_inputs: int,
    antialias: bool = False,
) -> tf.Tensor:
    """Weights of linear interpolation along one axis, [batch, num_outputs, num_inputs].

    Pixel centers lie at halves, as in `tf.image.resize`; ends repeat. Rows sum to 1.
    `start` and `size`, [batch], are fractions of the axis; a size below 0 reads
    backwards. Antialiasing widens the triangle when shrinking, so that every input
    pixel counts.
    """
    center = _centers(start, size, num_outputs, num_inputs)
    distance = tf.abs(center[:, :, None] - tf.range(num_inputs, dtype=tf.float32))
    if antialias:
        step = size * (num_inputs / num_outputs)
        distance /= tf.maximum(tf.abs(step), 1.0)[:, None, None]
    weights = tf.nn.relu(1.0 - distance)
    return weights / tf.reduce_sum(weights, axis=-1, keepdims=True)


def _centers(
    start: tf.Tensor, size: tf.Tensor, num_outputs: int, num_inputs: int
) -> tf.Tensor:
    """Where the outputs lie among the inputs of an axis, [batch, num_outputs].

    The arguments are those of `interpolation_matrix`; 0 is the first input's center.
    """
    step = size * (num_inputs / num_outputs)
    steps = tf.range(num_outputs, dtype=tf.float32) + 0.5
    centers = start[:, None] * num_inputs + steps * step[:, None] - 0.5
    return tf.clip_by_value(centers, 0.0, num_inputs - 1.0)


def _interpolate_rows(
    planes: tf.Tensor, start: tf.Tensor, size: tf.Tensor, num_rows: int
) -> tf.Tensor:
    """Interpolates along the rows: float32 [batch, channels, num_rows, width].

    It is `interpolation_matrix` times the planes, without antialiasing.
    """
    num_inputs = planes.shape[2]
    centers = _centers(start, size, num_rows, num_inputs)
    above = tf.cast(centers, tf.int32)
    below = tf.minimum(above + 1, num_inputs - 1)
    share = (centers - tf.cast(above, tf.float32))[:, None, :, None]
    # Rows of bytes are read as such: they are a quarter of the memory.
    above, below = (
        tf.cast(tf.gather(planes, row, axis=2, batch_dims=1), tf.float32)
        for row in (above, below)
    )
    return above + share * (below - above)


def crop_and_resize(
    planes: tf.Tensor,
    boxes: tf.Tensor,
    height: int,
    width: int,
    antialias: bool = False,
) -> tf.Tensor:
    """Cuts one box out of each image and resizes it with linear interpolation.

    The result is [batch, channels, height, width] float32.

    Args:
      planes: [batch, channels, image_height, image_width], uint8 or float; image height
        and width static.
      boxes: [batch, 4] float32: top, left, height, width in fractions of the image.
        Outside of the image, the edge pixels repeat. A negative width, with `left` at
        the right edge of the box, mirrors it; a negative height likewise.
      height: Height of the result in pixels.
      width: Width of the result in pixels.
      antialias: Average over all pixels of the box when shrinking, as
        `tf.image.resize(antialias=True)` does.
    """
    top, left, box_height, box_width = tf.unstack(tf.cast(boxes, tf.float32), axis=1)
    image_height, image_width = planes.shape[2:]
    if antialias:
        rows = interpolation_matrix(top, box_height, height, image_height, antialias)
        planes = tf.matmul(rows[:, None], tf.cast(planes, tf.float32))
    else:
        planes = _interpolate_rows(planes, top, box_height, height)
    columns = interpolation_matrix(left, box_width, width, image_width, antialias)
    # A product a sample takes less time than a product a channel.
    channels = planes.shape[1]
    planes = tf.reshape(planes, [-1, channels * height, image_width])
    planes = tf.matmul(planes, columns, transpose_b=True)
    return tf.reshape(planes, [-1, channels, height, width])


def mirror_boxes(boxes: tf.Tensor, mirrored: tf.Tensor) -> tf.Tensor:
    """Makes `crop_and_resize` read some boxes, [batch, 4], from right to left."""
    top, left, height, width = tf.unstack(boxes, axis=1)
    left = tf.where(mirrored, left + width, left)
    width = tf.where(mirrored, -width, width)
    return tf.stack([top, left, height, width], axis=1)


def _read_boxes(
    planes: tf.Tensor, boxes: tf.Tensor, mirrored: tf.Tensor, size: int
) -> tf.Tensor:
    """Cuts boxes out as squares of a size (0: in the photos' shape), some mirrored."""
    boxes = mirror_boxes(boxes, mirrored)
    height, width = (size, size) if size else planes.shape[2:]
    return crop_and_resize(planes, boxes, height, width)


@keras.utils.register_keras_serializable(package="cv_tf")
class SmallMoves(PlaneLayer):
    """Shifts, zooms and mirrors each photo a little; parts stay roughly in place.

    Where a view reaches beyond the photo, the edge pixels repeat, so a plain background
    continues. There is no rotation: it does not separate into rows and columns, and
    would cost more than all other changes.

    Args:
      shift: Largest shift in either direction, as a fraction of the photo's sides.
      zoom: Range of the magnification of both sides; above 1, the product gets larger.
      flip: Probability of mirroring left and right; 0 by default, because mirroring
        exchanges left and right parts.
      size: Pixels a side of the views; 0 for the size of the photos.

    Raises:
      ValueError: If a probability is not in 0..1, or a range is not `(low, high)`.

    Example:
      >>> photos = tf.zeros([2, 64, 64, 3], tf.uint8)
      >>> SmallMoves(shift=0.1, size=32)(photos, seed=[0, 1]).shape
      TensorShape([2, 32, 32, 3])
    """

    def __init__(
        self,
        shift: float = 0.04,
        zoom: tuple[float, float] = (0.9, 1.1),
        flip: float = 0.0,
        size: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.shift = checked_probability("shift", shift)
        self.zoom = checked_range("zoom", zoom, 0.1)
        self.flip = checked_probability("flip", flip)
        self.size = int(size)

    def planes(self, planes, seed, rows: Rows | None = None):
        """See `PlaneLayer.planes`."""
        num_images = tf.shape(planes)[0]
        move_seed, flip_seed = split_seed(seed, 2)
        draws = per_image([3, None], num_images, move_seed, rows)
        shift_y, shift_x, zoom = tf.unstack(draws)
        mirrored = per_image([None], num_images, flip_seed, rows) < self.flip
        low, high = self.zoom
        size = 1.0 / (low + (high - low) * zoom)
        top = 0.5 - size / 2.0 + self.shift * (2.0 * shift_y - 1.0)
        left = 0.5 - size / 2.0 + self.shift * (2.0 * shift_x - 1.0)
        boxes = tf.stack([top, left, size, size], axis=1)
        return _read_boxes(planes, boxes, mirrored, self.size)


@keras.utils.register_keras_serializable(package="cv_tf")
class RandomCrops(PlaneLayer):
    """Random resized crops, as in SimCLR (arXiv 2002.05709, appendix A).

    Area and aspect ratio are drawn once; a side that is longer than the photo's is
    shortened to it. (The usual form draws again, which has no static shape.)

    Args:
      area: Range of the crop's area as a fraction of the photo's area.
      aspect: Range of the crop's width over its height, drawn log-uniformly.
      flip: Probability of mirroring left and right.
      size: Pixels a side of the views; 0 for the size of the photos.

    Raises:
      ValueError: If a probability is not in 0..1, or a range is not `(low, high)`.

    Example:
      >>> photos = tf.zeros([2, 64, 64, 3], tf.uint8)
      >>> RandomCrops(area=(0.3, 1.0), size=32)(photos, seed=[0, 1]).shape
      TensorShape([2, 32, 32, 3])
    """

    def __init__(
        self,
        area: tuple[float, float] = (0.2, 1.0),
        aspect: tuple[float, float] = (3 / 4, 4 / 3),
        flip: float = 0.5,
        size: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.area = checked_range("area", area, 0.001, 1.0)
        self.aspect = checked_range("aspect", aspect, 0.001)
        self.flip = checked_probability("flip", flip)
        self.size = int(size)

    def planes(self, planes, seed, rows: Rows | None = None):
        """See `PlaneLayer.planes`."""
        num_images = tf.shape(planes)[0]
        box_seed, flip_seed = split_seed(seed, 2)
        draws = per_image([4, None], num_images, box_seed, rows)
        area, aspect, top, left = tf.unstack(draws)
        mirrored = per_image([None], num_images, flip_seed, rows) < self.flip
        smallest, largest = self.area
        area = smallest + (largest - smallest) * area
        narrow, wide = (math.log(bound) for bound in self.aspect)
        # Boxes are fractions of the sides: the photo's own aspect ratio drops out.
        photo_aspect = planes.shape[3] / planes.shape[2]
        aspect = tf.exp(narrow + (wide - narrow) * aspect) / photo_aspect
        height = tf.minimum(tf.sqrt(area / aspect), 1.0)
        width = tf.minimum(tf.sqrt(area * aspect), 1.0)
        boxes = tf.stack(
            [top * (1.0 - height), left * (1.0 - width), height, width], axis=1
        )
        return _read_boxes(planes, boxes, mirrored, self.size)
