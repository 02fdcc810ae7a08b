"""Pages and pictures of `cv_tf.inspect`: parts of two products; views of training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from cv_tf.config import Config
from cv_tf.inspection import PairScore, PartAgreement, Preview, Previews
from cv_tf.report.page import write_page
from cv_tf.report.pictures import Captioned, ColorScale, draw_parts, write_sheet
from cv_tf.report.thumbnails import as_thumbnail
from cv_tf.vision import is_symmetric, windows_by_part

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

_ROUNDING = 5e-4  # Differences that are not shown.
_QUALITY = 90  # JPEG quality of pictures with labels.
_PARTS = "parts of view 1"


def describe_settings(config: Config) -> dict[str, str]:
    """Describes the input of training under some settings, as titles and texts."""
    said = {
        "Method": config.method,
        "Photos": _FRAMES[config.frame],
        "Views": f"{config.view_kind}: {_VIEWS[config.view_kind]}",
        "Mirrored": f"{config.flip:.0%} of the views" if config.flip else "no view",
        "Blurred": f"{config.blur:.0%} of the views" if config.blur else "no view",
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
            f"{describe_layout(config.parts)}, cut from {where[config.parts_from]}"
        )
    size, at_use = config.image_size, config.size_at_use
    said["Size"] = f"views are {size} x {size} pixels"
    if at_use != size:
        said["Size"] += f"; vectors are made of {at_use} x {at_use}"
    return said


def describe_layout(layout: str) -> str:
    """Describes a layout by its number of parts and of mirrored parts."""
    parts = windows_by_part(layout)
    num_pairs = sum(len(part) == 2 for part in parts)
    said = f"{layout}, {len(parts)} parts"
    return f"{said}, {num_pairs} of them with their mirror image" if num_pairs else said


def describe_places(layout: str) -> list[str]:
    """Describes the position of each part of a layout in the product's frame."""
    return [
        f"{_percent(part[0][0], part[0][2])} from the top, "
        f"{_percent(part[0][1], part[0][3])} from the left"
        + (", and its mirror image" if len(part) == 2 else "")
        for part in windows_by_part(layout)
    ]


def _percent(start: float, size: float) -> str:
    return f"{100 * start:.0f} to {100 * (start + size):.0f} %"


class Pair(NamedTuple):
    """Two products, the similarity of their parts, and sentences for the page."""

    names: tuple[str, str]
    photos: np.ndarray  # As prepared, uint8 `[2, side, side, 3]`.
    agreement: PartAgreement
    layout: str
    notes: Sequence[str] = ()
    score: PairScore | None = None  # None if only the Embedder is known.

    @property
    def similarity(self) -> float:
        """The similarity that search prints."""
        return self.agreement.whole if self.score is None else self.score.similarity

    @property
    def shown(self) -> np.ndarray:
        """What is shown of each part, `[parts]`: what it adds to the similarity.

        Where that is not known, it is the similarity of its features.
        """
        parts = self.agreement.contributions
        return self.agreement.similarities if parts is None else parts


def _scale_of(pair: Pair) -> ColorScale:
    """The colors of what is shown of each part."""
    is_sum = pair.agreement.contributions is not None
    make = ColorScale.between if is_sum else ColorScale.for_values
    return make(pair.shown.tolist())


def explain_score(pair: Pair) -> list[tuple[str, float]]:
    """The numbers that lead from the parts to the score, with what each of them is."""
    lines, similarity, score = [], pair.similarity, pair.score
    if pair.agreement.contributions is not None:
        parts = float(pair.agreement.contributions.sum())
        lines.append(("what all parts add", parts))
        if abs(similarity - parts) >= _ROUNDING:
            lines.append(
                (
                    "difference of the stored vectors, as by further photos",
                    similarity - parts,
                )
            )
    lines.append(("similarity, which search prints", similarity))
    if score is None:
        return lines
    lines.append(("discount for like colors", -score.color))
    lines.append(("what group compares with its threshold", score.grouped))
    if score.shared is not None and score.score is not None:
        lines.append(("discount for few neighbors in common", -score.shared))
        lines.append(("score, by which search ranks", score.score))
    return lines


def write_pair(path: Path, pair: Pair) -> None:
    """Writes the photos with the similarity of each part, and a table of the parts.

    Args:
      path: Path of the file, which appears whole or not at all. A picture is written if
        it ends in ".png", otherwise a page.
      pair: The two products.
    """
    agreement, scale = pair.agreement, _scale_of(pair)
    maps = [draw_agreement(photo, pair, scale) for photo in pair.photos]
    if path.suffix.lower() == ".png":
        lines = [f"{title}: {value:.3f}" for title, value in explain_score(pair)]
        title = "\n".join(lines)
        row = [
            Captioned(name, np.asarray(picture))
            for name, picture in zip(pair.names, maps, strict=True)
        ]
        return write_sheet(path, title, [row], scale, inches=5.0)
    places = describe_places(pair.layout)
    similarities, weights = agreement[:2]
    rows = [  # What speaks most against a similarity comes first.
        (i + 1, places[i], float(pair.shown[i]), float(similarities[i]), weights[i])
        for i in np.argsort(pair.shown, kind="stable").tolist()
    ]
    return write_page(
        path,
        "pair.html.j2",
        names=pair.names,
        photos=[as_thumbnail(Image.fromarray(p), _QUALITY) for p in pair.photos],
        maps=[as_thumbnail(picture, _QUALITY) for picture in maps],
        agreement=agreement,
        similarity=pair.similarity,
        lines=explain_score(pair),
        is_sum=agreement.contributions is not None,
        has_score=pair.score is not None,
        layout=describe_layout(pair.layout),
        is_symmetric=is_symmetric(pair.layout),
        rows=rows,
        ticks=scale.ticks(),
        notes=pair.notes,
    )


def draw_agreement(photo: np.ndarray, pair: Pair, scale: ColorScale) -> Image.Image:
    """Draws the number of each part and what is shown of it over a photo, in grey."""
    digits = 2 if pair.agreement.contributions is None else 3
    grey = np.asarray(Image.fromarray(photo).convert("L").convert("RGB"))
    return draw_parts(
        grey,
        pair.layout,
        [f"{i}\n{value:.{digits}f}" for i, value in enumerate(pair.shown, start=1)],
        [scale.color(value) for value in pair.shown],
    )


def write_views(path: Path, previews: Previews, config: Config, source: str) -> None:
    """Writes photos, views and parts of some products.

    Args:
      path: Path of the file, which appears whole or not at all. A picture is written if
        it ends in ".png", otherwise a page.
      previews: The products with their views.
      config: Settings of the training.
      source: Sentence about the origin of the products, for the top of the page.
    """
    rows = [captioned(product, config) for product in previews.products]
    if path.suffix.lower() == ".png":
        facts = describe_settings(config)
        title = f"{config.method}; {facts['Views']}\n{facts['Color input']}"
        for product, row in zip(previews.products, rows, strict=True):
            row[0] = row[0]._replace(caption=f"{product.product_id}, as prepared")
        return write_sheet(path, title, rows)
    figures = [
        [
            (
                as_thumbnail(Image.fromarray(picture), _QUALITY),
                caption,
                f"{product.product_id}: {caption}",
                "parts" if caption == _PARTS else "view",
            )
            for caption, picture in row
        ]
        for product, row in zip(previews.products, rows, strict=True)
    ]
    return write_page(
        path,
        "views.html.j2",
        products=list(zip(previews.products, figures, strict=True)),
        facts=describe_settings(config),
        source=source,
        notes=[describe_which(previews, config)],
        rejects=previews.rejects,
    )


def describe_which(previews: Previews, config: Config) -> str:
    """Describes which of the views of training are shown."""
    first = "The first view of a product is that"
    if previews.views_a_step == 2:
        first = "The first two views of a product are those"
    said = (
        f"{first} of the first training step with this product (seed {config.seed}); "
        "any others are further random views."
    )
    if config.on_bad_image == "reject":
        said += " If training leaves out photos of the catalogue, its steps differ."
    return said


def captioned(product: Preview, config: Config) -> list[Captioned]:
    """Pictures of a product: prepared photo, views, and the parts of the first view."""
    pictures = [Captioned("as prepared", product.photo)]
    for number, view in enumerate(product.views, start=1):
        pictures.append(Captioned(f"view {number}", view))
    if config.view_kind == "parts":
        parts = np.asarray(draw_parts(product.views[0], config.parts))
        pictures.append(Captioned(_PARTS, parts))
    return pictures
