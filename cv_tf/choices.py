"""The values that settings choose from, known without loading TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

from cv_tf.errors import UserError

FRAMES = ("auto", "photo", "columns")
ON_BAD_IMAGE = ("fail", "reject")

BACKBONES = (
    "efficientnetlite_b0",
    "efficientnetlite_b1",
    "efficientnetlite_b2",
    "resnet50",
    "efficientnetv2_s",
    "mobilenetv3_small",
    "convnext_tiny",
    "tiny",
)
WEIGHTS = ("imagenet", "none")
FEATURE_STRIDES = (16, 32)
FROZEN_STRIDES = (0, 4, 8)
COLOR_MODES = ("rgb", "grey")
COLOR_INPUTS = (*COLOR_MODES, "both")
AVERAGES = ("none", "inverse", "mirror", "all")
EMBEDDINGS = ("whole", "parts")
LAYOUTS = (
    "corners_center",
    "halves",
    "thirds",
    "grid_2x2",
    "grid_3x3",
    "grid_4x4",
    "grid_7x7",
    "overlapping_3x3",
    "symmetric_5x5",
    "symmetric_7x7",
    "symmetric_10x10",
)
WHITENINGS = ("none", "pca", "groups", "labels")

METHODS = (
    "part_contrast",
    "simclr",
    "moco",
    "byol",
    "simsiam",
    "supcon",
    "triplet",
    "frozen",
)
# Methods that learn from labelled styles.
SUPERVISED = ("supcon", "triplet")
VIEWS = ("auto", "crops", "whole", "parts")
PARTS_FROM = ("features", "pixels")
AGGREGATES = ("none", "mean")
DISTANCES = ("L2", "squared-L2", "angular")
TRIPLET_LOSSES = ("native", "addons")

PSEUDO_LABELS = ("none", "missing", "all")
BATCHES = ("random", "block")
OPTIMIZERS = ("adam", "sgd", "lars")
DEVICES = ("auto", "cpu", "gpu")
STRATEGIES = (*DEVICES, "mirrored", "multi_worker", "tpu")
PRECISIONS = ("none", "float16", "bfloat16")
AUTO_ON_OFF = ("auto", "on", "off")

RETRIEVALS = ("auto", "exact", "scann")
ENGINES = ("local", "spark")
CRITERIA = ("f1", "fms")
COLOR = ("auto", "off")
THRESHOLD = ("auto", "expected")
VARIANTS = ("unknown", "few", "some", "most")
FORMULAS = ("mark", "leave")
SHOP_FORMATS = ("merchant", "shopify", "woocommerce", "akeneo", "jsonl")

EXPORT_FORMATS = ("savedmodel", "tflite", "onnx")
EXPORT_PRECISIONS = ("float32", "float16", "int8_weights")


def check(name: str, value: str, known: Sequence[str]) -> None:
    """Checks that the value of an argument is one of the known ones.

    Args:
      name: Name of the argument, for the message.
      value: Its value.
      known: The values to choose from.

    Raises:
      UserError: If the value is unknown.
    """
    if value not in known:
        raise UserError(f"{name} is '{value}'; choose one of: {', '.join(known)}.")
