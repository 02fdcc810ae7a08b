"""What the backbone sees of the colors."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from cv_tf.vision.color import grey

MODES = ("rgb", "grey")


def color_input(images: tf.Tensor, mode: str) -> tf.Tensor:
    """Turns RGB photos into the backbone's input.

    Args:
      images: [batch, height, width, 3], 0..255.
      mode: "rgb" leaves the colors, "grey" puts the luma into all three channels.

    Returns:
      [batch, height, width, 3] float32, 0..255.

    Raises:
      ValueError: If there is no such mode.
    """
    if mode not in MODES:
        raise ValueError(
            f"There is no color input {mode!r}. Choose one of {', '.join(MODES)}."
        )
    return grey(images) if mode == "grey" else tf.cast(images, tf.float32)


@keras.utils.register_keras_serializable(package="cv_tf")
class ColorInput(keras.layers.Layer):
    """`color_input` as a layer: float32 pixels, also under mixed precision.

    Args:
      mode: "rgb" or "grey".
    """

    def __init__(self, mode: str = "rgb", **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        if mode not in MODES:
            raise ValueError(
                f"There is no color input {mode!r}. Choose one of {', '.join(MODES)}."
            )
        self.mode = mode

    def call(self, images):
        """[batch, height, width, 3] in 0..255 to float32 of the same shape."""
        return color_input(images, self.mode)

    def get_config(self):
        """The arguments of this layer."""
        return {**super().get_config(), "mode": self.mode}
