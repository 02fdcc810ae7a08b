"""Which styles there are: families of near twins, each style with its colors."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from cv_tf.datasets.synthetic_color_variants.design import Design, Garment
from cv_tf.datasets.synthetic_color_variants.garments import GARMENTS
from cv_tf.datasets.synthetic_color_variants.palette import SCHEMES, sample_colors

# How many colors a style comes in, and how often.
_NUM_COLORS = {1: 0.14, 2: 0.36, 3: 0.22, 4: 0.14, 5: 0.08, 6: 0.06}


@dataclass(frozen=True)
class Style:
    """One design and the colors it is sold in.

    Attributes:
      style_id: Identifier, unique in the data set.
      category: A key of `GARMENTS`.
      design: Option of every field.
      twin_of: `style_id` of the style that this one differs from in one field
        only (its hard negative); empty for the first style of a family.
      scheme: How the second color follows the first, of `SCHEMES`.
      metal: "silver" or "gold".
      colors: Names of the palette, one a product.
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
    """Draws the styles of every split.

    Args:
      seed: Seed of the whole data set.
      families: Split name to the number of families in each category.
      family_size: Styles in a family.
      categories: Which categories to draw.

    Returns:
      Split name to its styles. No two styles of a category share a design.
    """
    splits: dict[str, list[Style]] = {split: [] for split in families}
    for category in categories:
        garment = GARMENTS[category]
        rng = np.random.default_rng((seed, zlib.crc32(category.encode())))
        seen: list[Design] = []
        for split, count in families.items():
            for _ in range(count):
                first_number = len(seen)
                designs = _family(garment, family_size, seen, rng)
                seen.extend(designs)
                prefix = category.replace("-", "").upper()
                splits[split].extend(
                    _styles(category, designs, f"{prefix}-", first_number, rng)
                )
    return splits


def _family(
    garment: Garment, size: int, seen: list[Design], rng: np.random.Generator
) -> list[Design]:
    """A new design and `size - 1` others that differ from it in one field."""
    while True:
        base = garment.sample(rng)
        twins = [twin for twin in garment.neighbors(base) if twin not in seen]
        if base not in seen and len(twins) >= size - 1:
            break
    fields = rng.permutation(_changed_fields(base, twins))[: size - 1]
    return [base, *(_pick(base, twins, field, rng) for field in fields)]


def _changed_fields(base: Design, twins: list[Design]) -> list[str]:
    return sorted({_changed_field(base, twin) for twin in twins})


def _changed_field(base: Design, twin: Design) -> str:
    return next(name for name in base if base[name] != twin[name])


def _pick(
    base: Design, twins: list[Design], field: str, rng: np.random.Generator
) -> Design:
    choices = [twin for twin in twins if _changed_field(base, twin) == field]
    return choices[rng.integers(len(choices))]


def _styles(
    category: str,
    designs: list[Design],
    prefix: str,
    first_number: int,
    rng: np.random.Generator,
) -> list[Style]:
    scheme = str(rng.choice(SCHEMES))
    metal = str(rng.choice(("silver", "gold")))
    counts, shares = list(_NUM_COLORS), list(_NUM_COLORS.values())
    styles = []
    for offset, design in enumerate(designs):
        styles.append(
            Style(
                style_id=f"{prefix}{first_number + offset:04d}",
                category=category,
                design=design,
                twin_of=f"{prefix}{first_number:04d}" if offset else "",
                scheme=scheme,
                metal=metal,
                colors=sample_colors(rng, int(rng.choice(counts, p=shares))),
            )
        )
    return styles
