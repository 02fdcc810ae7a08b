"""The categories, and the styles of each: families of near twins with their colors."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from cv_tf.datasets.synthetic_color_variants.garments import (
    Design,
    Garment,
    bag,
    dresses_and_skirts,
    shirts_and_jackets,
    shoe,
    tops,
    trousers,
)
from cv_tf.datasets.synthetic_color_variants.palette import SCHEMES, sample_colors

GARMENTS: dict[str, Garment] = {
    "Bag": bag.BAG,
    "Dress": dresses_and_skirts.DRESS,
    "Hoodie": tops.HOODIE,
    "Jacket": shirts_and_jackets.JACKET,
    "Shirt": shirts_and_jackets.SHIRT,
    "Shoe": shoe.SHOE,
    "Shorts": trousers.SHORTS,
    "Skirt": dresses_and_skirts.SKIRT,
    "Sweater": tops.SWEATER,
    "T-shirt": tops.T_SHIRT,
    "Trousers": trousers.TROUSERS,
}

# Number of colors that a style comes in, to the probability of that number.
_NUM_COLORS = {1: 0.14, 2: 0.36, 3: 0.22, 4: 0.14, 5: 0.08, 6: 0.06}


@dataclass(frozen=True)
class Style:
    """One design and the colors it is sold in.

    Attributes:
      style_id: Identifier, unique in the data set.
      category: Category, a key of `GARMENTS`.
      design: Option of every field of the category.
      twin_of: `style_id` of the style that this one differs from in one field only (its
        hard negative); empty for the first style of a family.
      scheme: Rule for the accent color, one of `SCHEMES`.
      metal: "silver" or "gold".
      colors: Names of the products' colors in the palette.
    """

    style_id: str
    category: str
    design: Design
    twin_of: str
    scheme: str
    metal: str
    colors: tuple[str, ...]


def sample_styles(
    seed: int,
    families: Mapping[str, int],
    family_size: int,
    categories: Iterable[str] = tuple(GARMENTS),
) -> dict[str, list[Style]]:
    """Samples the styles of every split; no two styles of a category share a design.

    Args:
      seed: Seed of the whole data set.
      families: Number of families per category of each split.
      family_size: Number of styles in a family.
      categories: Categories to sample, keys of `GARMENTS`.
    """
    splits: dict[str, list[Style]] = {split: [] for split in families}
    for category in categories:
        garment = GARMENTS[category]
        rng = np.random.default_rng((seed, zlib.crc32(category.encode())))
        seen: list[Design] = []
        for split, count in families.items():
            for _ in range(count):
                designs = _family(garment, family_size, seen, rng)
                splits[split] += _styles(category, designs, len(seen), rng)
                seen += designs
    return splits


def _family(
    garment: Garment, size: int, seen: list[Design], rng: np.random.Generator
) -> list[Design]:
    """Samples a new design and `size - 1` others that differ from it in one field."""
    while True:
        base = garment.sample(rng)
        twins: dict[str, list[Design]] = {}
        for twin in garment.neighbors(base):
            if twin not in seen:
                changed = next(name for name in base if base[name] != twin[name])
                twins.setdefault(changed, []).append(twin)
        if base not in seen and sum(map(len, twins.values())) >= size - 1:
            break
    fields = rng.permutation(sorted(twins))[: size - 1]
    return [base, *(twins[field][rng.integers(len(twins[field]))] for field in fields)]


def _styles(
    category: str, designs: list[Design], first_number: int, rng: np.random.Generator
) -> list[Style]:
    """Samples scheme, metal and colors of a family, numbered from `first_number`."""
    prefix = category.replace("-", "").upper()
    ids = [f"{prefix}-{first_number + offset:04d}" for offset in range(len(designs))]
    scheme = str(rng.choice(SCHEMES))
    metal = str(rng.choice(("silver", "gold")))
    counts, shares = list(_NUM_COLORS), list(_NUM_COLORS.values())
    return [
        Style(
            style_id=style_id,
            category=category,
            design=design,
            twin_of="" if style_id == ids[0] else ids[0],
            scheme=scheme,
            metal=metal,
            colors=sample_colors(rng, int(rng.choice(counts, p=shares))),
        )
        for style_id, design in zip(ids, designs, strict=True)
    ]
