"""On-device image work on whole batches: parts, color, geometry.

Layers take [batch, height, width, 3] pixels in 0..255, as functions do that do not say
`planes`; all compile with static shapes; random ones take a seed, int32 [2], and have
no state.
"""

from cv_tf.vision.color import ColorInput, ColorTransform, color_input
from cv_tf.vision.color_views import ColorViews
from cv_tf.vision.geometry import RandomCrops, SmallMoves, crop_and_resize
from cv_tf.vision.layouts import LAYOUTS, windows
from cv_tf.vision.parts import FixedParts, PartPooling, pool_parts, slice_parts
from cv_tf.vision.plane_layer import PlaneLayer, to_images, to_planes
from cv_tf.vision.product_color import product_color
from cv_tf.vision.random import Rows
from cv_tf.vision.views import Views

__all__ = [
    "LAYOUTS",
    "ColorInput",
    "ColorTransform",
    "ColorViews",
    "FixedParts",
    "PartPooling",
    "PlaneLayer",
    "RandomCrops",
    "Rows",
    "SmallMoves",
    "Views",
    "color_input",
    "crop_and_resize",
    "pool_parts",
    "product_color",
    "slice_parts",
    "to_images",
    "to_planes",
    "windows",
]
