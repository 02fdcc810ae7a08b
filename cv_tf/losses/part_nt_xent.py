"""NT-Xent between the same parts of different products."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from cv_tf.losses.distances import TemperatureLoss
from cv_tf.losses.nt_xent import WholeBatch, nt_xent_per_product

# Most similarities to hold in memory at once: 4 bytes each, in several copies.
_MOST_SIMILARITIES = 2**28


def part_nt_xent_loss(
    first: tf.Tensor,
    second: tf.Tensor,
    temperature: float = 0.1,
    *,
    part_weights: tf.Tensor | Sequence[float] | None = None,
    whole: WholeBatch | None = None,
) -> tf.Tensor:
    """Mean of `part_nt_xent_per_product`, a float32 scalar; the arguments are the same.

    Example:
      >>> first, second = tf.random.normal([2, 8, 3, 16])  # 8 products, 3 parts each
      >>> part_nt_xent_loss(first, second, part_weights=[2.0, 1.0, 1.0]).shape
      TensorShape([])
    """
    losses = part_nt_xent_per_product(
        first, second, temperature, part_weights=part_weights, whole=whole
    )
    return tf.reduce_mean(losses)


def part_nt_xent_per_product(
    first: tf.Tensor,
    second: tf.Tensor,
    temperature: float = 0.1,
    *,
    part_weights: tf.Tensor | Sequence[float] | None = None,
    whole: WholeBatch | None = None,
) -> tf.Tensor:
    """NT-Xent of fixed parts, float32 [batch]: collar against collars, hem against hem.

    Each part is contrasted with the same part of every other product. The loss of a
    product is the weighted mean of the losses of its parts. The idea is from arXiv
    2104.08581 (abstract); this form of it is our own.

    Args:
      first: Float [batch, parts, dim], one view a product.
      second: Float [batch, parts, dim], the other view of the same products.
      temperature: Divisor of the similarities, above 0.
      part_weights: Float [parts], see `mean_over_parts`.
      whole: The whole batch, with views of shape [total, parts, dim], if `first` and
        `second` are some rows of it; None if they are all rows.
    """
    # Parts lead, so that all of them go through one batched matmul.
    first, second = parts_first(first), parts_first(second)
    if whole is not None:
        views = parts_first(whole.first), parts_first(whole.second)
        whole = WholeBatch(*views, whole.start)
    find = _part_by_part if _are_many(first, whole) else nt_xent_per_product
    losses = find(first, second, temperature, whole=whole)
    return mean_over_parts(losses, part_weights)


def mean_over_parts(
    losses: tf.Tensor, part_weights: tf.Tensor | Sequence[float] | None = None
) -> tf.Tensor:
    """Weighted mean of losses over the parts, float32 [n].

    Args:
      losses: Float32 [parts, n].
      part_weights: Float [parts], at least 0; only ratios matter. None for equal ones.
    """
    if part_weights is None:
        part_weights = tf.ones([tf.shape(losses)[0]])
    part_weights = tf.cast(part_weights, tf.float32)
    shares = part_weights / tf.reduce_sum(part_weights)
    return tf.reduce_sum(losses * shares[:, tf.newaxis], axis=0)


def parts_first(embeddings: tf.Tensor) -> tf.Tensor:
    """Transposes embeddings [batch, parts, dim] to float32 [parts, batch, dim]."""
    return tf.transpose(tf.cast(embeddings, tf.float32), [1, 0, 2])


def _are_many(first: tf.Tensor, whole: WholeBatch | None) -> bool:
    """Whether the similarities of all parts are too many for one batched matmul."""
    num_parts, batch, _ = first.shape
    total = whole.first.shape[1] if whole else batch
    if None in (num_parts, batch, total):
        return False
    return num_parts * (2 * batch) * (2 * total) > _MOST_SIMILARITIES


def _part_by_part(
    first: tf.Tensor, second: tf.Tensor, temperature: float, *, whole: WholeBatch | None
) -> tf.Tensor:
    """`nt_xent_per_product` of a part at a time, computed again for the gradient."""

    @tf.recompute_grad
    def losses_of(first, second, *views):
        part = WholeBatch(views[0], views[1], whole.start) if whole else None
        return nt_xent_per_product(first, second, temperature, whole=part)

    views = (whole.first, whole.second) if whole else ()
    return tf.map_fn(
        lambda part: losses_of(*part),
        (first, second, *views),
        fn_output_signature=tf.TensorSpec([first.shape[1]], tf.float32),
        parallel_iterations=1,
    )


@keras.utils.register_keras_serializable(package="cv_tf")
class PartNTXentLoss(TemperatureLoss):
    """`part_nt_xent_loss` as a Keras loss: `y_true` is one view, `y_pred` the other.

    Both views get a gradient, in any order. Sample weights are those of products.

    Args:
      temperature: Divisor of the similarities, above 0.
      part_weights: One weight a part, see `mean_over_parts`.
      reduction: Reduction of the losses of the products, see `keras.losses.Loss`.
      name: Name of the loss.

    Raises:
      ValueError: If a part weight is negative, or none is above 0.

    Example:
      >>> first, second = tf.random.normal([2, 8, 3, 16])  # 8 products, 3 parts each
      >>> PartNTXentLoss(part_weights=[2.0, 1.0, 1.0])(first, second).shape
      TensorShape([])
    """

    def __init__(
        self,
        temperature: float = 0.1,
        part_weights: Sequence[float] | None = None,
        reduction: str = keras.losses.Reduction.AUTO,
        name: str = "part_nt_xent",
    ):
        super().__init__(temperature, reduction, name)
        self.part_weights = _checked_weights(part_weights)

    def call(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> tf.Tensor:
        """Two views, each [batch, parts, dim], to one loss a product, [batch]."""
        return part_nt_xent_per_product(
            y_true, y_pred, self.temperature, part_weights=self.part_weights
        )

    def get_config(self) -> dict:
        """The arguments of `__init__`."""
        return {**super().get_config(), "part_weights": self.part_weights}


def _checked_weights(part_weights: Sequence[float] | None) -> list[float] | None:
    if part_weights is None:
        return None
    weights = [float(weight) for weight in part_weights]
    if not weights or min(weights) < 0 or sum(weights) <= 0:
        raise ValueError(
            f"part_weights are {weights}, expected one non-negative number a part, "
            "not all of them 0."
        )
    return weights
