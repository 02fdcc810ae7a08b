"""Random geometry of a view: small moves of the whole product, or random crops."""

from __future__ import annotations

import math

import tensorflow as tf
import tf_keras as keras

from cv_tf.vision.arguments import checked_probability, checked_range
from cv_tf.vision.geometry import crop_and_resize, mirror_boxes
from cv_tf.vision.plane_layer import PlaneLayer
from cv_tf.vision.random import Rows, per_image, split_seed


def _read_boxes(
    planes: tf.Tensor, boxes: tf.Tensor, mirrored: tf.Tensor, size: int
) -> tf.Tensor:
    """Cuts the boxes out as squares (size 0: like the photos), some mirrored."""
    boxes = mirror_boxes(boxes, mirrored)
    height, width = (size, size) if size else planes.shape[2:]
    return crop_and_resize(planes, boxes, height, width)


@keras.utils.register_keras_serializable(package="cv_tf")
class SmallMoves(PlaneLayer):
    """Shifts, zooms and mirrors each photo a little; parts stay roughly in place.

    Where the view reaches beyond the photo, the edge pixels repeat, so that a plain
    background goes on. There is no rotation: it does not separate into rows and
    columns, and would cost more than all the rest.

    Args:
      shift: Largest shift either way, in fractions of the photo's sides.
      zoom: Range of the magnification; above 1 the product gets larger. Both sides
        share one value.
      flip: Probability of mirroring left and right. It exchanges left and right
        parts, hence 0 by default.
      size: Pixels a side of the views; 0 for the size of the photos.
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
        """[batch, c, h, w] and a seed [2] int32 to float32 [batch, c, size, size]."""
        num_images = tf.shape(planes)[0]
        move_seed, flip_seed = split_seed(seed, 2)
        shift_y, shift_x, zoom = tf.unstack(
            per_image([3, None], num_images, move_seed, rows)
        )
        mirrored = per_image([None], num_images, flip_seed, rows) < self.flip
        low, high = self.zoom
        size = 1.0 / (low + (high - low) * zoom)
        top = 0.5 - size / 2.0 + self.shift * (2.0 * shift_y - 1.0)
        left = 0.5 - size / 2.0 + self.shift * (2.0 * shift_x - 1.0)
        boxes = tf.stack([top, left, size, size], axis=1)
        return _read_boxes(planes, boxes, mirrored, self.size)

    def get_config(self):
        """The arguments of this layer."""
        return {
            **super().get_config(),
            "shift": self.shift,
            "zoom": self.zoom,
            "flip": self.flip,
            "size": self.size,
        }


@keras.utils.register_keras_serializable(package="cv_tf")
class RandomCrops(PlaneLayer):
    """Random resized crops, as in SimCLR (arXiv 2002.05709, appendix A).

    Area and aspect ratio are drawn once; a side that comes out longer than the
    photo's is cut to it. (The usual form draws again, which has no static shape.)

    Args:
      area: Range of the crop's area, as a fraction of the photo's.
      aspect: Range of its width over its height, drawn log-uniformly.
      flip: Probability of mirroring left and right.
      size: Pixels a side of the views; 0 for the size of the photos.
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
        """[batch, c, h, w] and a seed [2] int32 to float32 [batch, c, size, size]."""
        num_images = tf.shape(planes)[0]
        box_seed, flip_seed = split_seed(seed, 2)
        area, aspect, top, left = tf.unstack(
            per_image([4, None], num_images, box_seed, rows)
        )
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

    def get_config(self):
        """The arguments of this layer."""
        return {
            **super().get_config(),
            "area": self.area,
            "aspect": self.aspect,
            "flip": self.flip,
            "size": self.size,
        }
