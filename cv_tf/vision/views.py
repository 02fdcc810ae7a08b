"""Random views of photos: moved or cropped, recolored, and maybe blurred."""

from __future__ import annotations

import tf_keras as keras

from cv_tf import choices
from cv_tf.vision.color import grey_images
from cv_tf.vision.color_views import ColorViews
from cv_tf.vision.geometry import RandomCrops, SmallMoves
from cv_tf.vision.plane_layer import PlaneLayer, to_images, to_planes
from cv_tf.vision.random import Rows, split_seed

_GEOMETRY = {"whole": SmallMoves, "crops": RandomCrops}


@keras.utils.register_keras_serializable(package="cv_tf")
class Views(keras.layers.Layer):
    """Makes one random view of each photo: geometry first, then color, then blur.

    Contrastive methods call it twice with two seeds. If a batch is split over several
    replicas, `rows` tells which rows of it a replica holds: the view of an image
    depends only on the seed and on the image's row in the whole batch.

    Args:
      kind: Default geometry: "whole" for `SmallMoves`, "crops" for `RandomCrops`.
      geometry: Layer that moves or crops the photos; None for the kind's default.
      color: Layer that recolors the photos; None for `ColorViews` with its defaults.
      blur: Layer that blurs the photos, such as `GaussianBlur`; None for none.

    Raises:
      ValueError: If the kind is unknown.

    Example:
      >>> views = Views("crops", geometry=RandomCrops(size=32))
      >>> photos = tf.zeros([2, 64, 64, 3], tf.uint8)
      >>> first, second = views(photos, seed=[0, 1]), views(photos, seed=[0, 2])
      >>> first.shape
      TensorShape([2, 32, 32, 3])
    """

    def __init__(
        self,
        kind: str = "whole",
        geometry: PlaneLayer | None = None,
        color: PlaneLayer | None = None,
        blur: PlaneLayer | None = None,
        **kwargs,
    ):
        super().__init__(**{"dtype": "float32", **kwargs})
        choices.check("kind", kind, tuple(_GEOMETRY))
        self.kind = kind
        self.geometry = geometry or _GEOMETRY[kind]()
        self.color = color or ColorViews()
        self.blur = blur

    def call(self, images, seed, rows: Rows | None = None, mode: str = "rgb"):
        """Turns images [batch, h, w, 3] in 0..255 into float32 views in 0..255.

        With the mode "grey", the luma is in all three channels, as if `color_input` had
        been called with the views; from planes, it takes half the time.
        """
        choices.check("mode", mode, choices.COLOR_MODES)
        # The first two are those of a split into two.
        geometry_seed, color_seed, blur_seed = split_seed(seed, 3)
        planes = self.geometry.planes(to_planes(images), geometry_seed, rows)
        planes = self.color.planes(planes, color_seed, rows)
        if self.blur is not None:
            planes = self.blur.planes(planes, blur_seed, rows)
        return grey_images(planes) if mode == "grey" else to_images(planes)

    def get_config(self):
        """The arguments of this layer."""
        return {
            **super().get_config(),
            "kind": self.kind,
            "geometry": keras.layers.serialize(self.geometry),
            "color": keras.layers.serialize(self.color),
            "blur": self.blur and keras.layers.serialize(self.blur),
        }

    @classmethod
    def from_config(cls, config):
        """The layer that `get_config` describes."""
        layers = [name for name in ("geometry", "color", "blur") if config.get(name)]
        made = {name: keras.layers.deserialize(config[name]) for name in layers}
        return cls(**{**config, **made})
