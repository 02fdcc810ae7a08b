"""The gradients of a method's loss, with the whole batch in memory or in pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import tensorflow as tf

from cv_tf import strategy as devices
from cv_tf.vision import Rows

if TYPE_CHECKING:
    from cv_tf.methods.method import Method


class Gradients(NamedTuple):
    """What a step learns from.

    Attributes:
      gradients: One a learned variable, None where it has no part in the loss.
      loss: float32 scalar, this replica's.
      embeddings: float32 `[batch, dimensions]`.
    """

    gradients: list[tf.Tensor | None]
    loss: tf.Tensor
    embeddings: tf.Tensor


def plain_gradients(method: Method, images: tf.Tensor, styles: tf.Tensor) -> Gradients:
    """By one pass of the whole batch.

    Args:
      method: Compiled.
      images: uint8 `[batch, size, size, 3]`.
      styles: int32 `[batch]`.
    """
    rows = devices.my_rows(images.shape[0])
    with tf.GradientTape() as tape:
        features = method.features(images, _seed(method), rows)
        loss, embeddings = method.objective(features, styles)
        scaled = _scaled(method, loss)
    gradients = tape.gradient(scaled, method.learned_variables)
    return Gradients(_unscaled(method, gradients), loss, embeddings)


def cached_gradients(method: Method, images: tf.Tensor, styles: tf.Tensor) -> Gradients:
    """The same gradients, by passes of `method.micro_batch` photos each.

    Memory then grows with the features of a batch and no longer with its activations,
    for another pass of each photo forward through the backbone:

    1. Find the features of all photos, and keep nothing else.
    2. Find the loss of the whole batch and its gradient by heads and by features.
    3. Find the features again, piece by piece, and lead the latter gradient on into
       the backbone.

    Heads see the whole batch at once, those that normalize by it, too. The backbone
    must not: its batch normalization has to be frozen.

    Source: Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup,
    arXiv 2101.06983, section 3.2.

    Args:
      method: Compiled.
      images: uint8 `[batch, size, size, 3]`, a multiple of the pieces' size.
      styles: int32 `[batch]`.
    """
    size = method.micro_batch
    num_pieces = images.shape[0] // size
    pieces = tf.reshape(images, [num_pieces, size, *images.shape[1:]])
    first, total = devices.my_rows(images.shape[0]) or (0, images.shape[0])
    seed = _seed(method)
    variables = method.learned_variables

    def features_of(piece: tf.Tensor) -> tuple[tf.Tensor, ...]:
        rows = Rows(first + piece * size, total)
        return method.features(pieces[piece], seed, rows)

    features = _concatenated(features_of, num_pieces)
    with tf.GradientTape() as tape:
        tape.watch(features)
        loss, embeddings = method.objective(features, styles)
        scaled = _scaled(method, loss)
    by_features, gradients = tape.gradient(scaled, (features, variables))

    in_backbone = [i for i, gradient in enumerate(gradients) if gradient is None]
    through = _through_pieces(
        features_of, num_pieces, by_features, [variables[i] for i in in_backbone]
    )
    for i, gradient in zip(in_backbone, through, strict=True):
        gradients[i] = gradient
    return Gradients(_unscaled(method, gradients), loss, embeddings)


def _through_pieces(
    features_of: Callable[[tf.Tensor], tuple[tf.Tensor, ...]],
    num_pieces: int,
    by_features: Sequence[tf.Tensor | None],
    variables: Sequence[tf.Variable],
) -> list[tf.Tensor]:
    """Leads the gradient by features on to variables, one piece after the other.

    Args:
      features_of: From the number of a piece to its features, `[size, ...]`.
      num_pieces: How many there are.
      by_features: `[num_pieces * size, ...]` each; None for those of a momentum
        encoder.
      variables: That features are made with.
    """
    learned = [i for i, gradient in enumerate(by_features) if gradient is not None]
    by_pieces = [
        tf.reshape(by_features[i], [num_pieces, -1, *by_features[i].shape[1:]])
        for i in learned
    ]

    def add(piece: tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            features = features_of(piece)
            targets = [features[i] for i in learned]
        more = tape.gradient(
            targets,
            variables,
            output_gradients=[gradient[piece] for gradient in by_pieces],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return (piece + 1, *(a + b for a, b in zip(sums, more, strict=True)))

    _, *sums = tf.while_loop(
        lambda piece, *_: piece < num_pieces,
        add,
        (tf.constant(0), *map(tf.zeros_like, variables)),
        parallel_iterations=1,
        maximum_iterations=num_pieces,
    )
    return sums


def _concatenated(
    features_of: Callable[[tf.Tensor], tuple[tf.Tensor, ...]], num_pieces: int
) -> tuple[tf.Tensor, ...]:
    """The features of all pieces, one after the other."""
    shapes = features_of(tf.constant(0))  # A graph leaves out what is not used.
    signature = tuple(tf.TensorSpec(one.shape, one.dtype) for one in shapes)
    stacked = tf.map_fn(
        features_of,
        tf.range(num_pieces),
        fn_output_signature=signature,
        parallel_iterations=1,
    )
    return tuple(
        tf.reshape(one, [num_pieces * spec.shape[0], *spec.shape[1:]])
        for one, spec in zip(stacked, signature, strict=True)
    )


def _seed(method: Method) -> tf.Tensor:
    return tf.stack([method.seed, tf.cast(method.step, tf.int32)])


def _scaled(method: Method, loss: tf.Tensor) -> tf.Tensor:
    """Under mixed precision the optimizer scales the loss and its gradients."""
    scale = getattr(method.optimizer, "get_scaled_loss", lambda value: value)
    return scale(loss / devices.num_replicas())


def _unscaled(method: Method, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    unscale = getattr(method.optimizer, "get_unscaled_gradients", lambda value: value)
    return unscale(gradients)
