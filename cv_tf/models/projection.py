"""The head between the backbone and a contrastive loss."""

from __future__ import annotations

import tf_keras as keras


def projection_head(
    input_dimensions: int, dimensions: int, hidden: int = 0, name: str = "projection"
) -> keras.Model:
    """A small perceptron that training needs and use does not.

    Source: SimCLR, arXiv 2002.05709, section 2.1 (one hidden layer with ReLU).

    Args:
      input_dimensions: Width of the features.
      dimensions: Width of the projection.
      hidden: Width of the hidden layer; 0 for a linear map.
      name: Of the model.

    Returns:
      A model from `[batch, input_dimensions]` to float32 `[batch, dimensions]`.
    """
    layers = [keras.Input((input_dimensions,))]
    if hidden:
        layers.append(keras.layers.Dense(hidden, activation="relu", name="hidden"))
    layers.append(keras.layers.Dense(dimensions, dtype="float32", name="output"))
    return keras.Sequential(layers, name=name)
