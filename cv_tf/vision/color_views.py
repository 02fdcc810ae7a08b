"""Violent random changes of color, one pass over the pixels."""

from __future__ import annotations

import math

import tensorflow as tf
import tf_keras as keras

from cv_tf.vision import color
from cv_tf.vision.plane_layer import PlaneLayer, checked_probability, checked_range
from cv_tf.vision.product_colors import background_mask
from cv_tf.vision.random import Rows, per_image, split_seed


@keras.utils.register_keras_serializable(package="cv_tf")
class ColorViews(PlaneLayer):
    """Renders each product in another random color.

    Each sample draws its own changes, in this order: gamma, channel mixing, hue
    rotation, saturation (or grey), lightness inversion, contrast, brightness. All
    but gamma are multiplied out into one affine map of RGB, so pixels are read
    once, and clipped once, at the end. The defaults are strong on purpose: black
    against white is the commonest pair of color variants, and only gamma and
    inversion bridge it.

    Args:
      gamma: Exponents are drawn log-uniformly from `1 / gamma .. gamma`.
      mixing: From 0, each channel stays itself, to 1, each is replaced by a random
        weighted mean of the three (weights uniform over the simplex).
      hue: Largest rotation of the hue either way, in turns; 0.5 is the full circle.
      saturation: Range of the factors; 0 is grey, 1 no change.
      contrast: Range of the factors.
      brightness: Range of the factors.
      grey: Probability of no color at all.
      inversion: Probability that light and dark change places.
      keep_background: Leave a plain background as it is (see `background_mask`),
        which by default changes with the product. Meant for whole photos; in a crop
        the corners say little about the background.
    """

    def __init__(
        self,
        *,
        gamma: float = 2.5,
        mixing: float = 0.5,
        hue: float = 0.5,
        saturation: tuple[float, float] = (0.0, 1.8),
        contrast: tuple[float, float] = (0.5, 1.2),
        brightness: tuple[float, float] = (0.7, 1.2),
        grey: float = 0.2,
        inversion: float = 0.4,
        keep_background: bool = False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if gamma < 1.0:
            raise ValueError(
                "gamma is the largest exponent, its inverse the smallest, but "
                f"{gamma} was given. Choose 1 (no change) or more."
            )
        self.gamma = float(gamma)
        self.mixing = checked_probability("mixing", mixing)
        self.hue = float(hue)
        self.saturation = checked_range("saturation", saturation, 0.0)
        self.contrast = checked_range("contrast", contrast, 0.0)
        self.brightness = checked_range("brightness", brightness, 0.0)
        self.grey = checked_probability("grey", grey)
        self.inversion = checked_probability("inversion", inversion)
        self.keep_background = bool(keep_background)

    def draw(
        self, num_images: int | tf.Tensor, seed: tf.Tensor, rows: Rows | None = None
    ) -> tuple[tf.Tensor, color.ColorTransform]:
        """The random changes of a batch.

        Args:
          num_images: How many there are.
          seed: [2] int32.
          rows: Which of a larger batch they are; None where they are all of it.

        Returns:
          The exponents of gamma, [batch] float32, and the transform to apply after.
        """
        scalar_seed, mixing_seed = split_seed(seed, 2)
        draws = tf.unstack(per_image([7, None], num_images, scalar_seed, rows))

        def within(low: float, high: float) -> tf.Tensor:
            return low + (high - low) * draws.pop()

        def happens(probability: float) -> tf.Tensor:
            return tf.cast(draws.pop() < probability, tf.float32)

        log_gamma = math.log(self.gamma)
        exponents = tf.exp(within(-log_gamma, log_gamma))
        saturation = within(*self.saturation) * (1.0 - happens(self.grey))
        mixtures = self._mixtures(
            per_image([None, 3, 3], num_images, mixing_seed, rows)
        )
        transform = (
            color.channel_mixing(mixtures)
            .then(color.hue_rotation(within(-self.hue, self.hue)))
            .then(color.saturation(saturation))
            .then(color.lightness_inversion(happens(self.inversion)))
            .then(color.contrast(within(*self.contrast)))
            .then(color.brightness(within(*self.brightness)))
        )
        return exponents, transform

    def _mixtures(self, draws: tf.Tensor) -> tf.Tensor:
        """[batch, 3, 3] matrices whose rows are not negative and sum to 1."""
        # Exponential variates over their sum are uniform over the simplex.
        weights = -tf.math.log1p(-draws)
        weights /= tf.reduce_sum(weights, axis=-1, keepdims=True)
        return (1.0 - self.mixing) * tf.eye(3) + self.mixing * weights

    def planes(self, planes, seed, rows: Rows | None = None):
        """[batch, 3, h, w] in 0..255 and a seed [2] int32 to float32 in 0..255."""
        planes = tf.cast(planes, tf.float32)
        exponents, transform = self.draw(tf.shape(planes)[0], seed, rows)
        changed = transform(color.gamma(planes, exponents))
        if not self.keep_background:
            return changed
        return tf.where(background_mask(planes)[:, None], planes, changed)

    def get_config(self):
        """The arguments of this layer."""
        return {
            **super().get_config(),
            "gamma": self.gamma,
            "mixing": self.mixing,
            "hue": self.hue,
            "saturation": self.saturation,
            "contrast": self.contrast,
            "brightness": self.brightness,
            "grey": self.grey,
            "inversion": self.inversion,
            "keep_background": self.keep_background,
        }
