"""What a model learns from and what it sees, in words."""

from __future__ import annotations

from cv_tf.config import Config
from cv_tf.vision.layouts import windows_by_part

_VIEWS = {
    "crops": "random resized crops, recolored",
    "whole": "the whole product, hardly moved, recolored",
    "parts": (
        "the whole product, hardly moved, recolored; each of its fixed parts is "
        "compared with its own kind"
    ),
}
_FRAMES = {
    "auto": (
        "the product's box, given by the catalogue or found from a plain background, "
        "padded to a square"
    ),
    "columns": "the product's box, given by the catalogue, padded to a square",
    "photo": "the whole photo, padded to a square",
}
_COLORS = {
    "grey": "grey: the network sees brightness alone",
    "rgb": "rgb: the network sees colors",
    "both": "both: it is trained on colors, and used on colors and on grey",
}


def say_settings(config: Config) -> dict[str, str]:
    """Says what training sees under some settings, as titles and texts."""
    said = {
        "Method": config.method,
        "Photos": _FRAMES[config.frame],
        "Views": f"{config.view_kind}: {_VIEWS[config.view_kind]}",
        "Mirrored": _say_flip(config.flip),
        "Background": (
            "a plain background keeps its color"
            if config.keep_background
            else "recolored with the product"
        ),
        "Color input": _COLORS[config.color_input],
    }
    if config.view_kind == "parts":
        where = {"features": "the feature map", "pixels": "the pixels"}
        said["Parts"] = (
            f"{say_layout(config.parts)}, cut from {where[config.parts_from]}"
        )
    size, at_use = config.image_size, config.size_at_use
    said["Size"] = f"views are {size} x {size} pixels"
    if at_use != size:
        said["Size"] += f"; vectors are made of {at_use} x {at_use}"
    return said


def say_layout(layout: str) -> str:
    """Says how many parts a layout has, and how many of them are pairs."""
    parts = windows_by_part(layout)
    num_pairs = sum(len(part) == 2 for part in parts)
    said = f"{layout}, {len(parts)} parts"
    return f"{said}, {num_pairs} of them with their mirror image" if num_pairs else said


def say_places(layout: str) -> list[str]:
    """Says where each part of a layout lies in the product's frame."""
    return [
        f"{_percent(part[0][0], part[0][2])} from the top, "
        f"{_percent(part[0][1], part[0][3])} from the left"
        + (", and its mirror image" if len(part) == 2 else "")
        for part in windows_by_part(layout)
    ]


def _say_flip(flip: float) -> str:
    return f"{flip:.0%} of the views" if flip else "no view"


def _percent(start: float, size: float) -> str:
    return f"{100 * start:.0f} to {100 * (start + size):.0f} %"
