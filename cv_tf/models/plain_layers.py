"""The layers that an Embedder may consist of, and the words that describe them.

Keras finds modules, classes and functions by the names that a file gives, and imports
and calls them. `description.py` lets only the names of these lists reach it.
"""

from __future__ import annotations

import math
from typing import Any

from cv_tf import choices

# Keras's name of a class: its module, and the name under which it is registered.
Origin = tuple[str, str | None]


MOST_LAYERS = 5_000
_MOST_LETTERS = 200  # Of a name.
_MOST_NESTED = 8  # Lists in lists.
_LARGEST = 2**24  # Of whole numbers: widths, sizes.
_HIGHEST = 1e30  # Of other numbers; of float32, it is 3e38.


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _of(module: str, names: str) -> dict[str, Origin]:
    return dict.fromkeys(names.split(), (module, None))


EMBEDDER: dict[str, Origin] = {"Embedder": ("cv_tf.models.embedder", "cv_tf>Embedder")}
WHITENING: dict[str, Origin] = {
    "Whitening": ("cv_tf.models.whitening", "cv_tf>Whitening")
}
MODELS: dict[str, Origin] = {
    "Functional": ("tf_keras.src.engine.functional", "Functional"),
    "Sequential": ("keras", None),
}
LAYERS: dict[str, Origin] = {
    **_of(
        "keras.layers",
        "InputLayer Conv2D DepthwiseConv2D SeparableConv2D Conv2DTranspose Dense "
        "BatchNormalization LayerNormalization GroupNormalization UnitNormalization "
        "Normalization Rescaling Resizing Activation ReLU LeakyReLU PReLU ELU "
        "ThresholdedReLU Softmax MaxPooling2D AveragePooling2D GlobalMaxPooling2D "
        "GlobalAveragePooling2D Add Subtract Multiply Average Maximum Minimum "
        "Concatenate ZeroPadding2D Cropping2D UpSampling2D Reshape Permute Flatten "
        "Dropout SpatialDropout2D GaussianDropout GaussianNoise",
    ),
    **_of("keras.layers.experimental", "SyncBatchNormalization"),
    "TFOpLambda": ("tf_keras.src.layers.core.tf_op_layer", "TFOpLambda"),
    "CaffeNormalization": ("cv_tf.models.backbones", "cv_tf>CaffeNormalization"),
    "LayerScale": ("tf_keras.src.applications.convnext", "cv_tf>LayerScale"),
}
# Layers without weights that may stand for the function after another layer.
ACTIVATION_LAYERS = _of("keras.layers", "ReLU LeakyReLU ELU ThresholdedReLU Softmax")
PARTS: dict[str, dict[str, Origin]] = {
    "initializer": _of(
        "keras.initializers",
        "Zeros Ones Constant RandomNormal RandomUniform TruncatedNormal Identity "
        "VarianceScaling Orthogonal GlorotNormal GlorotUniform HeNormal HeUniform "
        "LecunNormal LecunUniform",
    ),
    "regularizer": _of("keras.regularizers", "L1 L2 L1L2"),
    "constraint": _of("keras.constraints", "MaxNorm MinMaxNorm NonNeg UnitNorm"),
}
POLICY = _of("keras.mixed_precision", "Policy")
FLOATS = ("float16", "bfloat16", "float32", "float64")

# Arguments that are words, and these words.
WORDS: dict[str, tuple[str, ...]] = {
    "activation": (
        *("linear", "relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "swish"),
        *("silu", "mish", "sigmoid", "hard_sigmoid", "tanh", "softplus", "softsign"),
        *("softmax", "exponential"),
    ),
    "data_format": ("channels_last", "channels_first"),
    "distribution": ("truncated_normal", "untruncated_normal", "uniform", "normal"),
    "function": (
        *("__operators__.add", "math.add", "math.subtract", "math.multiply"),
        *("math.truediv", "math.negative", "math.maximum", "math.minimum", "math.abs"),
        *("math.pow", "math.square", "math.sqrt", "math.rsqrt", "math.sigmoid"),
        *("math.tanh", "math.reduce_mean", "nn.relu", "nn.relu6", "nn.leaky_relu"),
        *("nn.elu", "nn.selu", "nn.gelu", "nn.silu", "nn.softmax", "concat"),
        "clip_by_value",
    ),
    "interpolation": ("nearest", "bilinear", "bicubic", "area", "lanczos3", "lanczos5"),
    "mode": ("fan_in", "fan_out", "fan_avg"),
    "padding": ("valid", "same"),
}
# Arguments that are numbers, truth values, None, or lists of them.
NUMBERS = _words(
    "trainable filters kernel_size strides dilation_rate groups use_bias units axis "
    "depth_multiplier output_padding momentum epsilon center scale synchronized offset "
    "rate noise_shape seed pool_size padding keepdims target_shape dims size cropping "
    "mean variance invert max_value min_value negative_slope threshold alpha theta "
    "shared_axes batch_input_shape sparse ragged height width crop_to_aspect_ratio "
    "stddev value minval maxval gain l1 l2 init_values projection_dim "
    "input_dimensions dimensions power"
)
EMBEDDER_WORDS = {
    "color_input": choices.COLOR_INPUTS,
    "average": choices.AVERAGES,
    "embedding": choices.EMBEDDINGS,
}
# Arguments of a call that are numbers, None, or other outputs.
CALLED_WITH = _words(
    "x y name training mask axis keepdims alpha approximate clip_value_min "
    "clip_value_max"
)


def check_numbers(value: Any, where: str, depth: int = _MOST_NESTED) -> Any:
    """Checks that a value is a number of common size, None, or lists of such."""
    if isinstance(value, list) and depth:
        return [check_numbers(one, where, depth - 1) for one in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= _LARGEST:
        return value
    if isinstance(value, float) and math.isfinite(value) and abs(value) <= _HIGHEST:
        return value
    raise ValueError(f"{where} is {shown(value)}")


def check_word(value: Any, words: tuple[str, ...], where: str) -> str:
    """Checks that a value is one of some words."""
    if not isinstance(value, str) or value not in words:
        raise ValueError(f"{where} is {shown(value)}, not one of {', '.join(words)}")
    return value


def check_name(value: Any, where: str) -> str:
    """Checks that a value can be a name: text that is not empty and not too long."""
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_LETTERS:
        raise ValueError(f"{where} has the name {shown(value)}")
    return value


def shown(value: Any) -> str:
    """A value of a file in a few letters."""
    words = repr(value)
    return words if len(words) <= 80 else f"{words[:77]}..."
