"""Builder of the data set for TensorFlow Datasets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import tensorflow_datasets as tfds

from cv_tf.datasets.synthetic_color_variants.canvas import HEIGHT, WIDTH
from cv_tf.datasets.synthetic_color_variants.render import render_photo
from cv_tf.datasets.synthetic_color_variants.styles import (
    GARMENTS,
    Style,
    sample_styles,
)

_DESCRIPTION = """\
Drawings of garments, bags and shoes, one photo per product, many of them color
variants of each other: the same design in another color. Styles come in families
of near twins that differ in one detail only, and every photo has its own pose and
light. Everything is drawn on this machine; nothing is downloaded.
"""


@dataclass(eq=False, kw_only=True)
class SyntheticConfig(tfds.core.BuilderConfig):
    """Size and random seed of the data set.

    Attributes:
      seed: Seed of styles, colors, poses and light.
      families: Number of families per category of each split.
      family_size: Number of styles in a family, each a field different from the first.
      categories: Categories that are drawn, keys of `GARMENTS`.
    """

    seed: int = 0
    families: dict[str, int] = field(
        default_factory=lambda: {"train": 6, "validation": 4}
    )
    family_size: int = 3
    categories: tuple[str, ...] = tuple(GARMENTS)


class SyntheticColorVariants(tfds.core.GeneratorBasedBuilder):
    """Builder of `synthetic_color_variants`."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}  # noqa: RUF012 (as TFDS declares it)
    BUILDER_CONFIGS = [  # noqa: RUF012
        SyntheticConfig(
            name="small", description="About 600 training and 400 validation products."
        ),
        SyntheticConfig(
            name="shop",
            description="About 1,500 training and 1,150 validation products.",
            families={"train": 16, "validation": 12},
        ),
        SyntheticConfig(
            name="tiny",
            description="About 60 products of four categories, for tests.",
            families={"train": 1, "validation": 1},
            family_size=3,
            categories=("Bag", "Dress", "Shoe", "T-shirt"),
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        shape = (HEIGHT, WIDTH, 3)
        image = tfds.features.Image(shape=shape, encoding_format="jpeg")
        texts = ("product_id", "style_id", "color", "category")
        return tfds.core.DatasetInfo(
            builder=self,
            description=_DESCRIPTION,
            features=tfds.features.FeaturesDict(
                {"image": image} | {name: tfds.features.Text() for name in texts}
            ),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        del dl_manager  # Nothing is downloaded.
        config = self.builder_config
        splits = sample_styles(
            config.seed, config.families, config.family_size, config.categories
        )
        return {name: self._generate_examples(split) for name, split in splits.items()}

    def _generate_examples(
        self, styles: list[Style]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for style in styles:
            for number, color in enumerate(style.colors, start=1):
                product_id = f"{style.style_id}-{number}"
                example = {
                    "image": render_photo(style, color, self.builder_config.seed),
                    "product_id": product_id,
                    "style_id": style.style_id,
                    "color": color,
                    "category": style.category,
                }
                yield product_id, example
