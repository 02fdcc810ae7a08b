"""One view of a photo: moved or cropped, then recolored."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from cv_tf.vision.color_views import ColorViews
from cv_tf.vision.geometry import RandomCrops, SmallMoves
from cv_tf.vision.plane_layer import PlaneLayer, to_images, to_planes
from cv_tf.vision.random import Rows, split_seed

# What each kind starts from: the geometry and the color of a view.
KINDS = {
    "whole": (SmallMoves, ColorViews),
    "crops": (RandomCrops, ColorViews),
    "none": (None, None),
}


@keras.utils.register_keras_serializable(package="cv_tf")
class Views(keras.layers.Layer):
    """Makes one random view of each photo: geometry first, then color.

    Call it twice with two seeds for the two views of a contrastive method. Where a
    batch is spread over several replicas, `rows` says which of its rows a replica has:
    an image's view depends on the seed and its row in the whole batch alone.

    Args:
      kind: "whole" for `SmallMoves` and `ColorViews`, "crops" for `RandomCrops` and
        `ColorViews`, "none" for the photo as it is.
      geometry: What to use in place of the kind's own.
      color: The same for the color. With the kind "none", only what is given here
        is applied.
    """

    def __init__(
        self,
        kind: str = "whole",
        geometry: PlaneLayer | None = None,
        color: PlaneLayer | None = None,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        if kind not in KINDS:
            raise ValueError(
                f"There is no kind of view {kind!r}. Choose one of {', '.join(KINDS)}."
            )
        default_geometry, default_color = KINDS[kind]
        self.kind = kind
        self.geometry = geometry or (default_geometry and default_geometry())
        self.color = color or (default_color and default_color())

    def call(self, images, seed, rows: Rows | None = None):
        """[batch, h, w, 3] in 0..255 and a seed [2] int32 to float32 in 0..255."""
        geometry_seed, color_seed = split_seed(seed, 2)
        planes = to_planes(images)
        if self.geometry is not None:
            planes = self.geometry.planes(planes, geometry_seed, rows)
        if self.color is not None:
            planes = self.color.planes(planes, color_seed, rows)
        return tf.cast(to_images(planes), tf.float32)

    def get_config(self):
        """The arguments of this layer."""
        layers = {"geometry": self.geometry, "color": self.color}
        return {
            **super().get_config(),
            "kind": self.kind,
            **{
                name: layer and keras.layers.serialize(layer)
                for name, layer in layers.items()
            },
        }

    @classmethod
    def from_config(cls, config):
        """The layer that `get_config` describes."""
        layers = {
            name: config[name] and keras.layers.deserialize(config[name])
            for name in ("geometry", "color")
        }
        return cls(**{**config, **layers})
