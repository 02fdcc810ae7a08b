r"""Writes the synthetic data set as a table with photos, like a catalogue of yours.

    python benchmarks/drawn_catalog.py --output=drawn

The folder then holds catalog.csv and a JPEG file for each product. docs/groups.png
shows the page that docs/guides/first_steps.md makes of it (drawn.html), with the groups
of highest confidence first:

    sed 's/<option value="sure">/<option value="sure" selected>/' drawn.html > sure.html
    chromium --headless --hide-scrollbars --window-size=1000,1625 \
        --screenshot=docs/groups.png "file://$PWD/sure.html"
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from cv_tf.catalog import load_dataset


def main() -> None:
    """Parses the flags and writes the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="A new folder.")
    parser.add_argument("--dataset", default="synthetic_color_variants")
    parser.add_argument("--data_dir", help="Folder of TFDS's data sets.")
    arguments = parser.parse_args()
    write(arguments.output, arguments.dataset, arguments.data_dir)


def write(folder: Path, dataset: str, data_dir: str | None) -> None:
    """Writes the products of a data set into a new folder."""
    catalog = load_dataset(dataset, data_dir=data_dir)
    folder.mkdir(parents=True)
    with (folder / "catalog.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(
            ("product_id", "image", "style_id", "category", "color", "split")
        )
        for row, product_id in enumerate(catalog.product_id):
            photo = f"{product_id}.jpg"
            (folder / photo).write_bytes(catalog.photo(row))
            block = catalog.block_names[catalog.block[row]]
            known = catalog.style[row], block, catalog.color[row], catalog.split[row]
            table.writerow((product_id, photo, *known))
    print(f"{len(catalog):,} products are in '{folder}'.")


if __name__ == "__main__":
    main()
