"""Grouped products as JSON, one object a line (https://jsonlines.org)."""

from __future__ import annotations

import json
from pathlib import Path

from cv_tf.shop_files.listing import Listing, ShopFileSummary


def write_json_lines(path: Path, listing: Listing) -> ShopFileSummary:
    """Writes all that is known of each product, the products of a group together.

    Args:
      path: File to write.
      listing: The products.
    """
    groups = 0
    with path.open("w", encoding="utf-8", errors="replace", newline="\n") as file:
        for rows in listing.groups:
            groups += len(rows) > 1
            for row in rows:
                said = {name: listing.cell(name, row) for name in listing.extras}
                own = {
                    "product_id": listing.product_id[row],
                    "group_id": listing.group_id[row],
                    "group_size": int(listing.group_size[row]),
                    "representative": listing.representative[row],
                    "color": listing.color[row],
                    "image": listing.image[row],
                }
                file.write(
                    json.dumps({**own, **said, **own}, ensure_ascii=False) + "\n"
                )
    what = "a file of JSON, an object a line"
    return ShopFileSummary("jsonl", len(listing), groups, (), what)
