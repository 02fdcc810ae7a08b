"""What training sees, as a page or a picture."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from cv_tf.config import Config
from cv_tf.inspection.previews import Preview, Previews
from cv_tf.report.page import write_page
from cv_tf.report.part_pictures import draw_parts
from cv_tf.report.pictures import Captioned, write_sheet
from cv_tf.report.settings_in_words import say_settings
from cv_tf.report.thumbnails import Thumbnail, as_thumbnail

_QUALITY = 90
_PARTS = "parts of view 1"


class _Figure(NamedTuple):
    """A picture of a page: how it is called, what stands for it, and its CSS class."""

    picture: Thumbnail
    caption: str
    description: str
    kind: str


def write_views(path: Path, previews: Previews, config: Config, source: str) -> None:
    """Writes photos, views and parts of some products.

    Args:
      path: Of the file, which appears whole or not at all; ".png" for a picture, any
        other ending for a page.
      previews: What is shown.
      config: Of the training.
      source: Where the products come from, said at the top.
    """
    rows = [captioned(product, config) for product in previews.products]
    if path.suffix.lower() == ".png":
        facts = say_settings(config)
        title = f"{config.method}; {facts['Views']}\n{facts['Color input']}"
        for product, row in zip(previews.products, rows, strict=True):
            row[0] = row[0]._replace(caption=f"{product.product_id}, as prepared")
        return write_sheet(path, title, rows)
    figures = [
        [
            _Figure(
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
        facts=say_settings(config),
        source=source,
        notes=[say_which(previews, config)],
        rejects=previews.rejects,
    )


def say_which(previews: Previews, config: Config) -> str:
    """Says which views of training those are that are shown."""
    first = "The first view of a product is that"
    if previews.views_a_step == 2:
        first = "The first two views of a product are those"
    said = (
        f"{first} of the step at which training meets it first (seed "
        f"{config.seed}); any others are further draws."
    )
    if config.on_bad_image == "reject":
        said += " Where photos of the catalogue are left out, steps are others."
    return said


def captioned(product: Preview, config: Config) -> list[Captioned]:
    """A product as it is prepared, its views, and the parts of the first where cut."""
    pictures = [Captioned("as prepared", product.photo)]
    for number, view in enumerate(product.views, start=1):
        pictures.append(Captioned(f"view {number}", view))
    if config.view_kind == "parts":
        parts = np.asarray(draw_parts(product.views[0], config.parts))
        pictures.append(Captioned(_PARTS, parts))
    return pictures
