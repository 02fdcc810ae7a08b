"""The Keras layers of this package: parts, colors and random views of photos.

They take `[batch, height, width, 3]` pixels in 0..255, and compile with static shapes.
Random ones also take a seed, int32 `[2]`, and have no state.

Example:
    ```python
    parts = cv_tf.layers.FixedParts("grid_3x3")(photos)  # [batch, 9, h, w, 3]
    grey = cv_tf.layers.ColorInput("grey")(photos)
    ```
"""

from cv_tf.vision import (
    ColorInput,
    ColorViews,
    FixedParts,
    PartPooling,
    RandomCrops,
    SmallMoves,
    Views,
)

__all__ = [
    "ColorInput",
    "ColorViews",
    "FixedParts",
    "PartPooling",
    "RandomCrops",
    "SmallMoves",
    "Views",
]
