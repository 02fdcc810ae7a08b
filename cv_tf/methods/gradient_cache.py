"""Gradients of a batch whose activations do not fit in memory, piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tensorflow as tf

Features = tuple[tf.Tensor, ...]


def cached_gradients(
    features_of: Callable[[tf.Tensor], Features],
    loss_of: Callable[[Features], tuple[tf.Tensor, ...]],
    num_pieces: int,
    variables: Sequence[tf.Variable],
) -> tuple[list[tf.Tensor | None], tuple[tf.Tensor, ...]]:
    """The gradients of the whole batch, and its losses, by a pass of each piece.

    Memory then grows with the features of a batch and no longer with its activations,
    for a second forward pass of each photo (arXiv 2101.06983, section 3.2): first
    without a gradient, for all features, then piece by piece, to propagate their
    gradients. Heads see the whole batch, so they may normalize by it; the batch
    normalization of the backbone has to be frozen.

    `features_of` maps the number of a piece, an int32 scalar, to its features, float32
    `[size, ...]` each. `loss_of` maps the features of the batch, `[num_pieces * size,
    ...]` each, to a tuple whose first value is the loss to differentiate.
    """
    features = _features_of_all(features_of, num_pieces)
    with tf.GradientTape() as tape:
        tape.watch(features)
        losses = loss_of(features)
    by_features, gradients = tape.gradient(losses[0], (features, variables))

    in_backbone = [i for i, gradient in enumerate(gradients) if gradient is None]
    propagated = _propagate(
        features_of, num_pieces, by_features, [variables[i] for i in in_backbone]
    )
    for i, gradient in zip(in_backbone, propagated, strict=True):
        gradients[i] = gradient
    return gradients, losses


def _features_of_all(
    features_of: Callable[[tf.Tensor], Features], num_pieces: int
) -> Features:
    """Concatenates the features of all pieces."""
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


def _propagate(
    features_of: Callable[[tf.Tensor], Features],
    num_pieces: int,
    by_features: Sequence[tf.Tensor | None],
    variables: Sequence[tf.Variable],
) -> list[tf.Tensor]:
    """Propagates the gradients of features to variables, summed over the pieces.

    A gradient is `[num_pieces * size, ...]`; None for features of a momentum encoder.
    """
    learned = {
        i: tf.reshape(gradient, [num_pieces, -1, *gradient.shape[1:]])
        for i, gradient in enumerate(by_features)
        if gradient is not None
    }

    def add(piece: tf.Tensor, *sums: tf.Tensor) -> tuple[tf.Tensor, ...]:
        with tf.GradientTape() as tape:
            features = features_of(piece)
            targets = [features[i] for i in learned]
        more = tape.gradient(
            targets,
            variables,
            output_gradients=[gradient[piece] for gradient in learned.values()],
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
