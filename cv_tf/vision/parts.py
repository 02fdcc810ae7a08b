"""Cut images into the fixed parts of a layout."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from cv_tf.vision.layouts import Layout, pixel_windows, windows


def slice_parts(images: tf.Tensor, layout: Layout) -> tf.Tensor:
    """Cuts every image into the windows of a layout, without resizing.

    The windows are known when the graph is built, so these are static slices.

    Args:
      images: [batch, height, width, channels] of any dtype; height and width static.
      layout: A name from `LAYOUTS` or a table of windows of one size; see
        `pixel_windows` for the rounding.

    Returns:
      [batch, parts, part_height, part_width, channels] of the same dtype, in the
      order of the table.

    Raises:
      ValueError: If the layout is unknown or its windows differ in size.
    """
    table = pixel_windows(layout, images.shape[1], images.shape[2]).tolist()
    return tf.stack(
        [
            images[:, top : top + height, left : left + width]
            for top, left, height, width in table
        ],
        axis=1,
    )


@keras.utils.register_keras_serializable(package="cv_tf")
class FixedParts(keras.layers.Layer):
    """`slice_parts` as a layer; the dtype of the images is kept.

    Args:
      layout: A name from `LAYOUTS` or a table of `(top, left, height, width)`
        windows of one size, in fractions of the frame.
    """

    def __init__(self, layout: Layout = "corners_center", **kwargs):
        super().__init__(autocast=False, **kwargs)
        table = windows(layout)
        self.layout = layout if isinstance(layout, str) else table.tolist()
        self.num_parts = len(table)

    def call(self, images):
        """[batch, h, w, c] to [batch, parts, part_h, part_w, c]."""
        return slice_parts(images, self.layout)

    def get_config(self):
        """The arguments of this layer."""
        return {**super().get_config(), "layout": self.layout}
