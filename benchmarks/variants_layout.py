"""Lays photos of known articles out as the owner of hm_personalized_fashion does.

    python benchmarks/variants_layout.py --catalog=hm_dev/catalog.csv \
        --articles=hm_dev_articles.csv --output=owner

For maintainers, who have the photos of the benchmark at 288 pixels, but not the
download that they are from. --catalog has product_id, image, color and category;
--articles the article_id of each product_id. Written are articles.csv, with the columns
that the builder reads, and links to the photos as images/010/0108775015.jpg; `python -m
cv_tf.prepare --manual_dir=owner` then takes the same way as with the true download.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

COLUMNS = (
    *("article_id", "product_code", "prod_name"),
    *("product_type_name", "product_group_name"),
    *("graphical_appearance_name", "colour_group_name"),
    *("index_group_name", "detail_desc"),
)


def lay_out(catalog: Path, articles: Path, output: Path) -> int:
    """Writes the folder, which must be new, and returns the number of articles.

    Args:
      catalog: CSV table of the products, with the photos beside it.
      articles: CSV table of product_id and article_id.
      output: Folder to make.
    """
    with articles.open(newline="", encoding="utf-8") as file:
        article_of = {
            row["product_id"]: row["article_id"] for row in csv.DictReader(file)
        }
    with catalog.open(newline="", encoding="utf-8") as file:
        products = {article_of[row["product_id"]]: row for row in csv.DictReader(file)}
    output.mkdir(parents=True)
    with (output / "articles.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="")
        writer.writeheader()
        for article, product in sorted(products.items()):
            words = {
                "article_id": article,
                "product_code": article[:7],
                "product_type_name": product["category"],
                "colour_group_name": product["color"],
            }
            writer.writerow(words)
            photo = output / "images" / article[:3] / f"{article}.jpg"
            photo.parent.mkdir(parents=True, exist_ok=True)
            photo.symlink_to((catalog.parent / product["image"]).absolute())
    return len(products)


def main() -> None:
    """Reads the flags, and lays the photos out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("catalog", "articles", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    given = parser.parse_args()
    number = lay_out(given.catalog, given.articles, given.output)
    print(f"{number:,} articles are in '{given.output}'.")


if __name__ == "__main__":
    main()
