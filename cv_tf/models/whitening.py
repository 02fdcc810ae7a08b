"""Whitening of embeddings with principal components."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
import tf_keras as keras
from sklearn.decomposition import PCA

from cv_tf.errors import UserError


@keras.utils.register_keras_serializable(package="cv_tf")
class Whitening(keras.layers.Layer):
    """Centers, rotates and rescales embeddings; fitted on photos without labels.

    A few directions (the silhouette, the lightness) dominate the raw vectors of a
    catalogue and hide the details that tell designs apart. So each principal component
    is divided by its standard deviation to a power: 0 only centers and rotates, 1
    gives all components about the same variance.

    The variances of a sample are estimates. With n photos, their sampling error is
    about the sum of all variances over n. It is added to each variance before the
    division: components that are known well are whitened in full, and those that may
    be noise are not magnified. So the whitening is mild on few photos and full on many.

    Source: Jegou and Chum, "Negative evidences and co-occurrences in image
    retrieval: the benefit of PCA and whitening", ECCV 2012. Adding to the variances is
    the shrinkage of Ledoit and Wolf, "A well-conditioned estimator for
    large-dimensional covariance matrices", 2004; the amount is our own choice, which
    is better for embeddings than their estimate (benchmarks/results/whitening.md).

    Args:
      input_dimensions: Width of the embeddings.
      dimensions: Width of the whitened vectors.
      power: Exponent of the standard deviations, 0 to 1.

    Example:
      >>> known, new = np.random.default_rng(0).normal(size=(2, 100, 64))
      >>> whitening = Whitening.fit(known, dimensions=32)
      >>> whitening(new).shape  # float32 vectors of length 1
      TensorShape([100, 32])
    """

    def __init__(
        self, input_dimensions: int, dimensions: int, power: float = 1.0, **kwargs
    ):
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.input_dimensions = int(input_dimensions)
        self.dimensions = int(dimensions)
        self.power = float(power)
        shape = [self.input_dimensions, self.dimensions]
        self.mean = self.add_weight("mean", shape[:1], initializer="zeros")
        identity = keras.initializers.Identity()
        self.projection = self.add_weight("projection", shape, initializer=identity)
        self.built = True

    @classmethod
    def fit(
        cls,
        embeddings: np.ndarray,
        dimensions: int = 1024,
        power: float = 1.0,
        seed: int = 0,
    ) -> Whitening:
        """Fits a whitening to a sample of embeddings.

        A sample of n vectors does not tell about the directions that it does not span,
        but later products differ there, too. If n - 1 is less than `dimensions`, the
        last dimensions, at least a quarter of them, are random directions that
        represent all that the principal components leave over.

        Args:
          embeddings: Float [n, input_dimensions].
          dimensions: Width of the whitened vectors; at most `input_dimensions`.
          power: Exponent of the standard deviations, 0 to 1.
          seed: Seed of random directions, and of the decomposition of large samples.

        Raises:
          ValueError: If there are fewer than two embeddings, or all are the same.
        """
        embeddings = np.asarray(embeddings, np.float32)
        num_samples, input_dimensions = embeddings.shape
        if num_samples < 2:
            raise UserError(
                f"Whitening needs at least two photos to learn from, got {num_samples}."
                " Bring more photos, or pass --whiten=none."
            )
        if np.ptp(embeddings, axis=0).max() <= 1e-6 * np.abs(embeddings).max():
            raise UserError(
                f"Whitening cannot learn from {num_samples} photos that are all the "
                "same to the network. Bring other photos, or pass --whiten=none."
            )
        dimensions = min(dimensions, input_dimensions)
        num_components = min(dimensions, num_samples - 1)  # One is lost by centering.
        pca = PCA(num_components, random_state=seed).fit(embeddings)
        sampling_error = embeddings.var(axis=0, ddof=1).sum() / num_samples
        damped = np.maximum(pca.explained_variance_, 0.0) + sampling_error
        scale, scale_outside = damped ** (-power / 2), sampling_error ** (-power / 2)
        directions = pca.components_.T
        projection = directions * scale
        if num_components < dimensions:
            components = (directions, scale, scale_outside)
            projection = _with_the_rest(*components, dimensions, seed)
        layer = cls(input_dimensions, dimensions, power)
        layer.set_weights([pca.mean_, projection])
        return layer

    def refine(
        self, embeddings: np.ndarray, pairs: np.ndarray, trust: np.ndarray | None = None
    ) -> Whitening:
        """A whitening that also reduces the differences between color variants.

        The vectors are rescaled once more, so that the differences between the two
        products of a pair have about the same variance in all directions. The
        covariance of the differences is damped like that of the embeddings, by the sum
        of its variances over the number of pairs: few pairs change little.

        Source: Mikolajczyk and Matas, "Improving descriptors for fast tree matching
        by optimal linear projection", ICCV 2007; Radenovic et al., arXiv 1711.02512,
        section 3.3. The damping is our own choice.

        Args:
          embeddings: Float [samples, input_dimensions].
          pairs: Integer [num_pairs, 2], rows of two variants each; some may be wrong.
          trust: Float [num_pairs], weight of each pair: 1 if it is known to be right,
            less (but above 0) if not. None for 1 each.
        """
        if not len(pairs):
            return self
        trust = np.ones(len(pairs)) if trust is None else np.asarray(trust, np.float64)
        mean, projection = self.get_weights()
        difference = (embeddings[pairs[:, 0]] - embeddings[pairs[:, 1]]) @ projection
        weighted = np.sqrt(trust)[:, np.newaxis] * difference
        covariance = weighted.T @ weighted / trust.sum()
        total = np.trace(covariance)
        if total <= 0:
            return self
        variances, directions = np.linalg.eigh(covariance)
        damped = np.maximum(variances, 0.0) + total / trust.sum()
        layer = Whitening(self.input_dimensions, self.dimensions, self.power)
        quieter = (directions / np.sqrt(damped)) @ directions.T
        layer.set_weights([mean, projection @ quieter])
        return layer

    def first(self, dimensions: int) -> Whitening:
        """A whitening to the first dimensions alone, of vectors of length 1 again.

        They come in the order of what principal components tell, so that these are the
        best to keep, but for what few photos tell: random directions are the last.

        Args:
          dimensions: Width of the whitened vectors, 1 to that of this one.

        Example:
          >>> known, new = np.random.default_rng(0).normal(size=(2, 100, 64))
          >>> whitening = Whitening.fit(known, dimensions=32)
          >>> some = whitening(new)[:, :8]
          >>> np.allclose(
          ...     whitening.first(8)(new), tf.math.l2_normalize(some, axis=1), atol=1e-5
          ... )
          True
        """
        layer = Whitening(self.input_dimensions, dimensions, self.power)
        mean, projection = self.get_weights()
        layer.set_weights([mean, projection[:, :dimensions]])
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


def _with_the_rest(
    directions: np.ndarray,
    scale: np.ndarray,
    scale_outside: float,
    dimensions: int,
    seed: int,
) -> np.ndarray:
    """A projection, [input_dimensions, dimensions], where a sample spans less.

    First come the principal components, [input_dimensions, m], each by its scale, that
    leave room for a quarter of random directions. These are orthogonal to them, and
    stand for all others: squared lengths are preserved on average.
    """
    input_dimensions, num_components = directions.shape
    kept = num_components
    if dimensions < input_dimensions:  # Otherwise, there is room for all directions.
        kept = min(kept, dimensions - max(dimensions // 4, 1))
    main, others = directions[:, :kept], directions[:, kept:]
    size = (input_dimensions, dimensions - kept)
    random = np.random.default_rng(seed).normal(size=size)
    random, _ = np.linalg.qr(random - main @ (main.T @ random))
    rest = scale_outside * random
    rest += others @ ((scale[kept:] - scale_outside)[:, None] * (others.T @ random))
    rest *= np.sqrt((input_dimensions - kept) / (dimensions - kept))
    return np.concatenate([main * scale[:kept], rest], axis=1)
