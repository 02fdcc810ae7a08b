"""The fixed parts of images: cut out of the pixels, or pooled from a feature map."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras as keras

from cv_tf.vision.layouts import Layout, is_symmetric, pixel_windows, windows


def slice_parts(images: tf.Tensor, layout: Layout) -> tf.Tensor:
    """Cuts images into [batch, parts, part_height, part_width, channels] windows.

    The windows are known when the graph is built, so these are static slices.

    Args:
      images: [batch, height, width, channels] of any dtype; height and width static.
      layout: A name from `LAYOUTS` or a table of windows of one size; see
        `pixel_windows` for the rounding.

    Raises:
      ValueError: If the layout is unknown or its windows differ in size.
    """
    table = pixel_windows(layout, images.shape[1], images.shape[2]).tolist()
    slices = [images[:, y : y + height, x : x + width] for y, x, height, width in table]
    return tf.stack(slices, axis=1)


def pool_parts(features: tf.Tensor, layout: Layout) -> tf.Tensor:
    """Averages a feature map over each window: float32 [batch, parts, channels].

    Args:
      features: [batch, height, width, channels]; height and width static.
      layout: A name from `LAYOUTS` or a table of windows of any sizes.

    Raises:
      ValueError: If the layout is unknown or not a table of windows.
    """
    weights = pooling_weights(layout, features.shape[1], features.shape[2])
    return tf.einsum("phw,bhwc->bpc", weights, tf.cast(features, tf.float32))


def pooling_weights(layout: Layout, height: int, width: int) -> np.ndarray:
    """The weight of each cell of a feature map in each part, [parts, height, width].

    The weight of a cell is the area of it that lies in the window, so any layout works
    on a map of any size; a part's weights sum to 1. In a symmetric layout, a window and
    its mirror image count half each.
    """
    tops, lefts, heights, widths = windows(layout).T
    rows = _overlaps(tops, heights, height)
    columns = _overlaps(lefts, widths, width)
    if is_symmetric(layout):
        columns = (columns + columns[:, ::-1]) / 2.0
    return np.einsum("ph,pw->phw", rows, columns).astype(np.float32)


def _overlaps(starts: np.ndarray, sizes: np.ndarray, num_cells: int) -> np.ndarray:
    """The share of each window that lies in each cell of an axis, [parts, cells]."""
    edges = np.arange(num_cells + 1) / num_cells
    lows = np.maximum(starts[:, None], edges[None, :-1])
    highs = np.minimum((starts + sizes)[:, None], edges[None, 1:])
    overlaps = np.maximum(highs - lows, 0.0)
    return overlaps / overlaps.sum(axis=1, keepdims=True)


class PartLayer(keras.layers.Layer):
    """A layer with a part layout."""

    def __init__(self, layout: Layout, **kwargs):
        super().__init__(**kwargs)
        table = windows(layout)
        self.layout = layout if isinstance(layout, str) else table.tolist()
        self.num_parts = len(table)

    def get_config(self):
        """The arguments of this layer."""
        return {**super().get_config(), "layout": self.layout}


@keras.utils.register_keras_serializable(package="cv_tf")
class FixedParts(PartLayer):
    """`slice_parts` as a layer; the dtype of the images is kept.

    Args:
      layout: A name from `LAYOUTS` or a table of `(top, left, height, width)`
        windows of one size, in fractions of the frame.

    Example:
      >>> FixedParts("grid_2x2")(tf.zeros([1, 64, 64, 3], tf.uint8)).shape
      TensorShape([1, 4, 32, 32, 3])
    """

    def __init__(self, layout: Layout = "corners_center", **kwargs):
        super().__init__(layout, autocast=False, **kwargs)

    def call(self, images):
        """Cuts [batch, h, w, c] into [batch, parts, part_h, part_w, c]."""
        return slice_parts(images, self.layout)


@keras.utils.register_keras_serializable(package="cv_tf")
class PartPooling(PartLayer):
    """`pool_parts` as a layer: float32, also under mixed precision.

    Args:
      layout: A name from `LAYOUTS` or a table of `(top, left, height, width)`
        windows in fractions of the frame.

    Example:
      >>> PartPooling("symmetric_7x7")(tf.zeros([1, 14, 14, 112])).shape
      TensorShape([1, 28, 112])
    """

    def __init__(self, layout: Layout = "corners_center", **kwargs):
        super().__init__(layout, **{"dtype": "float32", **kwargs})

    def call(self, features):
        """Pools [batch, height, width, channels] to [batch, parts, channels]."""
        return pool_parts(features, self.layout)
