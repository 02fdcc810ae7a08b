"""Converts the colors of images from their ICC profiles to sRGB."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from cv_tf.pipeline.file_formats import BadImageError

_VISIBLE = 2  # Levels of 255; a profile that changes less is taken for sRGB.
_MOST_BYTES = 16 * 2**20  # Of a profile: JPEG has no room for more.
_KEPT = 16  # Transforms, with their profiles.
_STEPS = np.linspace(0, 255, 16).round().astype(np.uint8)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """An image of the modes L, RGB, CMYK or LAB in RGB, with the colors of sRGB.

    Profiles that are damaged, or made for another mode, are ignored.
    """
    transform = _transform(profile or b"", image.mode)
    if transform is None:
        return image.convert("RGB")
    return transform.apply(image)


def changes_colors(image: Image.Image) -> bool:
    """Whether the profile of an opened image changes its colors visibly."""
    profile = image.info.get("icc_profile")
    return bool(profile) and _transform(profile, image.mode) is not None


@lru_cache(maxsize=_KEPT)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From a profile to sRGB; None if it is ignored, or changes nothing visibly."""
    if not profile and mode != "LAB":
        return None
    if len(profile) > _MOST_BYTES:
        raise BadImageError(
            f"its color profile has {len(profile):,} bytes, at most {_MOST_BYTES:,} "
            "are read. Save it in sRGB."
        )
    # The tables of inks differ by intent; those of screens and of grey seldom do.
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    if mode == "CMYK":
        intent = ImageCms.Intent.PERCEPTUAL
    try:
        is_lab = mode == "LAB"
        content = ImageCms.createProfile("LAB") if is_lab else io.BytesIO(profile)
        source = ImageCms.ImageCmsProfile(content)
        transform = ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            intent,
            ImageCms.Flags.NOCACHE,  # Threads share the transform.
        )
        if mode not in ("L", "RGB"):
            return transform
        colors = _colors(mode)
        before = np.asarray(colors.convert("RGB"), np.int16)
        after = np.asarray(transform.apply(colors), np.int16)
    except Exception:  # A damaged profile does not make a damaged photo.
        return None
    return transform if np.abs(after - before).max() > _VISIBLE else None


def _colors(mode: str) -> Image.Image:
    """All levels of grey, or a cube of colors."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    cube = np.stack(np.meshgrid(_STEPS, _STEPS, _STEPS), axis=-1)
    return Image.fromarray(cube.reshape(1, -1, 3))
