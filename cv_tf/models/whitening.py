"""Whitening of embeddings with principal components."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras as keras
from sklearn.decomposition import PCA


@keras.utils.register_keras_serializable(package="cv_tf")
class Whitening(keras.layers.Layer):
    """Centers, rotates and rescales embeddings; fitted on photos without labels.

    A few directions (the silhouette, the lightness) dominate the raw vectors of a
    catalogue and hide the details that tell designs apart. Dividing each principal
    component by its standard deviation to a power between 0 and 1 lets the details
    speak: 0 only centers and rotates, 1 makes all components equally loud.

    Source: Jegou and Chum, "Negative evidences and co-occurrences in image
    retrieval: the benefit of PCA and whitening", ECCV 2012.

    Args:
      input_dimensions: Width of the embeddings that come in.
      dimensions: Components kept.
      power: Of the standard deviations, 0 to 1.
    """

    def __init__(
        self, input_dimensions: int, dimensions: int, power: float = 1.0, **kwargs
    ):
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.input_dimensions = int(input_dimensions)
        self.dimensions = int(dimensions)
        self.power = float(power)
        self.mean = self.add_weight(
            "mean", [self.input_dimensions], initializer="zeros"
        )
        self.projection = self.add_weight(
            "projection",
            [self.input_dimensions, self.dimensions],
            initializer=keras.initializers.Identity(),
        )
        self.built = True

    @classmethod
    def fit(
        cls,
        embeddings: np.ndarray,
        dimensions: int = 512,
        power: float = 1.0,
        seed: int = 0,
    ) -> Whitening:
        """Finds the components of a sample of embeddings.

        Args:
          embeddings: Float [samples, input_dimensions]; a few times as many samples
            as dimensions make the smaller deviations trustworthy.
          dimensions: Components wanted; fewer are kept if the sample spans fewer.
          power: Of the standard deviations, 0 to 1.
          seed: Of the randomized decomposition used for wide embeddings.

        Raises:
          ValueError: With fewer than two samples, or if all are the same.
        """
        embeddings = np.asarray(embeddings, np.float32)
        num_samples, input_dimensions = embeddings.shape
        if num_samples < 2:
            raise ValueError(
                f"Whitening needs at least two photos to learn from, got {num_samples}."
                " Bring more photos, or pass --whiten=none."
            )
        dimensions = min(dimensions, input_dimensions, num_samples - 1)
        if np.ptp(embeddings, axis=0).max() <= 1e-6 * np.abs(embeddings).max():
            raise ValueError(
                f"Whitening cannot learn from {num_samples} photos that are all the "
                "same to the network. Bring other photos, or pass --whiten=none."
            )
        pca = PCA(dimensions, random_state=seed).fit(embeddings)
        deviation = np.sqrt(np.maximum(pca.explained_variance_, 0.0))
        # Directions in which the sample does not vary say nothing: leave them out.
        spans = deviation > 1e-4 * deviation[0]
        scale = np.where(spans, np.where(spans, deviation, 1.0) ** -power, 0.0)
        layer = cls(input_dimensions, dimensions, power)
        layer.set_weights([pca.mean_, (pca.components_ * scale[:, np.newaxis]).T])
        return layer

    def refine(self, embeddings: np.ndarray, pairs: np.ndarray) -> Whitening:
        """The same, with what differs between color variants made quieter.

        The components are rescaled once more, so that the difference between the two
        products of a pair is equally large in all directions. The covariance of
        the differences is shrunk towards a multiple of the identity, the more the
        fewer pairs there are for its many numbers: few pairs change little.

        Source: Mikolajczyk and Matas, "Improving descriptors for fast tree matching
        by optimal linear projection", ICCV 2007; Radenovic et al., arXiv 1711.02512,
        section 3.3. The amount of shrinkage is our own choice.

        Args:
          embeddings: Float [samples, input_dimensions].
          pairs: Integers [num_pairs, 2], rows of two variants each; some may be wrong.

        Returns:
          A layer of the same dimensions; this one where there are no pairs.
        """
        num_pairs = len(pairs)
        if not num_pairs:
            return self
        mean, projection = self.get_weights()
        difference = (embeddings[pairs[:, 0]] - embeddings[pairs[:, 1]]) @ projection
        covariance = difference.T @ difference / num_pairs
        shrinkage = self.dimensions / (self.dimensions + num_pairs)
        average = np.trace(covariance) / self.dimensions
        if average <= 0:
            return self
        covariance *= (1.0 - shrinkage) / average
        covariance += shrinkage * np.eye(self.dimensions)
        variances, directions = np.linalg.eigh(covariance)
        layer = Whitening(self.input_dimensions, self.dimensions, self.power)
        quieter = (directions / np.sqrt(variances)) @ directions.T
        layer.set_weights([mean, projection @ quieter])
        return layer

    def call(self, embeddings):
        """Maps `[batch, input_dimensions]` to unit vectors `[batch, dimensions]`."""
        centered = tf.cast(embeddings, tf.float32) - self.mean
        return tf.math.l2_normalize(centered @ self.projection, axis=-1)

    def get_config(self):
        """The arguments of this layer."""
        return {
            **super().get_config(),
            "input_dimensions": self.input_dimensions,
            "dimensions": self.dimensions,
            "power": self.power,
        }
