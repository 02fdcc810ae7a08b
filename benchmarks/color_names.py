r"""How often the name of a photo's color is of the family that the shop's color is of.

    python benchmarks/color_names.py --catalog hm_dev/catalog.csv --split validation

The name is the one that `python -m cv_tf.group` gives where a table has no color: the
nearest of a palette to the mean color of the product in its frame. The table needs a
column `color` with the names of H&M's articles, which FAMILY_OF sorts into families by
hand. The centers of the palette were set by eye on the photos of hm_dev's split
`train`. Prints a Markdown table: for each family of the shop, what its products are
called.
"""

from __future__ import annotations

import argparse
from collections import Counter

import numpy as np

from cv_tf.catalog import read_products
from cv_tf.config import Config
from cv_tf.pipeline import Photos, load_photos
from cv_tf.vision import name_colors, product_color

# Families of the names of the palette.
FAMILIES = {
    "black": ("black",),
    "grey": ("dark grey", "grey", "light grey"),
    "white": ("white", "off-white"),
    "beige": ("beige", "dark beige", "taupe"),
    "brown": ("camel", "brown", "dark brown"),
    "red": ("burgundy", "red"),
    "orange": ("rust", "coral", "orange", "peach"),
    "yellow": ("mustard", "yellow", "pale yellow"),
    "green": ("light green", "green", "khaki", "light khaki", "dark green"),
    "turquoise": ("turquoise", "light turquoise", "teal"),
    "blue": ("light blue", "blue", "denim blue", "navy"),
    "purple": ("purple", "lilac"),
    "pink": ("light pink", "old rose", "pink", "magenta"),
}
FAMILY_OF_NAME = {name: family for family, of in FAMILIES.items() for name in of}
# The last word of a color of the shop says its family, but for these.
FAMILY_OF = {
    "Silver": "grey",
    "Greenish Khaki": "green",
    "Yellowish Brown": "brown",
    "Off White": "white",
}
NO_FAMILY = ("Gold", "Bronze/Copper", "Transparent", "Other")


def main() -> None:
    """Names the colors of all products, and compares them with the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalog", required=True)
    parser.add_argument("--split", default="")
    parser.add_argument("--cache_dir")
    flags = parser.parse_args()
    config = Config(catalog=flags.catalog)
    catalog = read_products(config, flags.split)
    photos = load_photos(catalog, 128, cache_dir=flags.cache_dir, progress=False)
    shop = [family_of(color) for color in photos.catalog.color]
    names = name_colors(_colors(photos))
    pairs = [
        (family, FAMILY_OF_NAME[name])
        for family, name in zip(shop, names, strict=True)
        if family
    ]
    right = sum(family == found for family, found in pairs)
    print(f"{right / len(pairs):.3f} of {len(pairs):,} products.\n")
    print("| family in the table | products | called |\n| --- | ---: | --- |")
    for family, count in Counter(family for family, _ in pairs).most_common():
        called = Counter(found for of, found in pairs if of == family)
        shares = (f"{name} {n / count:.0%}" for name, n in called.most_common(4))
        print(f"| {family} | {count} | {', '.join(shares)} |")


def family_of(color: str) -> str:
    """The family of a color of the shop; "" where it has none."""
    if color in NO_FAMILY or not color:
        return ""
    family = FAMILY_OF.get(color, color.rsplit(maxsplit=1)[-1].lower())
    return family if family in FAMILIES else ""


def _colors(photos: Photos) -> np.ndarray:
    rows = np.arange(len(photos))
    pieces = np.array_split(rows, max(len(rows) // 256, 1))
    return np.concatenate(
        [product_color(photos.squares(piece)).numpy() for piece in pieces]
    )


if __name__ == "__main__":
    main()
