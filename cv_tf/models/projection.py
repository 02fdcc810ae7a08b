"""Projection heads between the backbone and the loss, for training only."""

from __future__ import annotations

import tf_keras as keras

from cv_tf import choices

NORMALIZE = ("none", "hidden", "all")


def projection_head(
    input_dimensions: int,
    dimensions: int,
    hidden: int = 0,
    num_hidden: int = 1,
    normalize: str = "none",
    name: str = "projection",
) -> keras.Model:
    """A small perceptron with ReLU after its hidden layers.

    It maps `[batch, input_dimensions]` to float32 `[batch, dimensions]`.

    Source: SimCLR, arXiv 2002.05709, section 2.1, has one hidden layer; BYOL, arXiv
    2006.07733, section 3.3, normalizes it; SimSiam, arXiv 2011.10566, section 3, has
    two and normalizes the output, too. Normalization is over all replicas.

    Args:
      input_dimensions: Width of the input.
      dimensions: Width of the output.
      hidden: Width of the hidden layers; 0 for a linear map.
      num_hidden: Number of hidden layers.
      normalize: Layers before batch normalization: "none", "hidden" or "all".
      name: Name of the model.

    Raises:
      ValueError: If `normalize` is unknown.
    """
    choices.check("normalize", normalize, NORMALIZE)
    layers = [keras.Input((input_dimensions,))]
    for number in range(num_hidden if hidden else 0):
        # Normalization subtracts the mean, and with it any bias.
        bias = normalize == "none"
        layers.append(keras.layers.Dense(hidden, use_bias=bias, name=f"hidden{number}"))
        if normalize != "none":
            layers.append(_batch_norm(f"hidden{number}_norm"))
        layers.append(keras.layers.ReLU(name=f"hidden{number}_relu"))
    bias = normalize != "all"
    layers.append(
        keras.layers.Dense(dimensions, use_bias=bias, dtype="float32", name="output")
    )
    if normalize == "all":
        layers.append(_batch_norm("output_norm", affine=False, dtype="float32"))
    return keras.Sequential(layers, name=name)


def _batch_norm(name: str, affine: bool = True, **options) -> keras.layers.Layer:
    options |= {"momentum": 0.9, "epsilon": 1e-5, "center": affine, "scale": affine}
    return keras.layers.BatchNormalization(synchronized=True, name=name, **options)
