"""Strong random changes of color, in one pass over the pixels."""

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

    Changes are drawn for each sample and applied in this order: gamma, channel mixing,
    hue rotation, saturation (or grey), lightness inversion, contrast, brightness. All
    but gamma are multiplied out into one affine map of RGB, so pixels are read once,
    and clipped once, at the end. The defaults are strong on purpose: black and white
    are the most frequent pair of color variants, and only gamma and inversion turn one
    into the other.

    Args:
      gamma: Largest exponent, 1 or more, drawn log-uniformly from `1 / gamma` on.
      mixing: Share, 0 to 1, of each channel that is replaced by a random weighted mean
        of all three (weights uniform over the simplex).
      hue: Largest rotation of the hue either way, in turns; 0.5 is the full circle.
      saturation: Range of the saturation factors; 0 is grey, 1 no change.
      contrast: Range of the contrast factors; 1 is no change.
      brightness: Range of the brightness factors; 1 is no change.
      grey: Probability that a sample becomes grey.
      inversion: Probability that the lightness of a sample is inverted.
      keep_background: Keep the color of a plain background (see `background_mask`)
        instead of changing it with the product. For whole photos only: in a crop, the
        corners say little about the background.

    Raises:
      ValueError: If `gamma` is below 1, a probability is not in 0..1, or a range is
        not `(low, high)`.

    Example:
      >>> photos = tf.zeros([2, 64, 64, 3], tf.uint8)
      >>> ColorViews(grey=0.5)(photos, seed=[0, 1]).shape
      TensorShape([2, 64, 64, 3])
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
                f"gamma is the largest exponent, but {gamma} was given. Choose 1 (no "
                "change) or more."
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
        """Draws the exponents of gamma, [batch], and the transform to apply after it.

        `rows` are those of the images in a larger batch; None if they are all of it.
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
        mixing = per_image([None, 3, 3], num_images, mixing_seed, rows)
        transform = (
            color.channel_mixing(self._mixtures(mixing))
            .then(color.hue_rotation(within(-self.hue, self.hue)))
            .then(color.saturation(saturation))
            .then(color.lightness_inversion(happens(self.inversion)))
            .then(color.contrast(within(*self.contrast)))
            .then(color.brightness(within(*self.brightness)))
        )
        return exponents, transform

    def _mixtures(self, draws: tf.Tensor) -> tf.Tensor:
        """Turns draws in 0..1, [batch, 3, 3], into matrices whose rows sum to 1."""
        # Exponential variates divided by their sum are uniform over the simplex.
        weights = -tf.math.log1p(-draws)
        weights /= tf.reduce_sum(weights, axis=-1, keepdims=True)
        return (1.0 - self.mixing) * tf.eye(3) + self.mixing * weights

    def planes(self, planes, seed, rows: Rows | None = None):
        """See `PlaneLayer.planes`."""
        planes = tf.cast(planes, tf.float32)
        exponents, transform = self.draw(tf.shape(planes)[0], seed, rows)
        changed = transform(color.gamma(planes, exponents))
        if not self.keep_background:
            return changed
        return tf.where(background_mask(planes)[:, None], planes, changed)
