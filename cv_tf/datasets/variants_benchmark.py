"""The articles of the benchmark of color variants, and their photos.

`hm_personalized_fashion/variants` is made of the articles that `variants/train.txt` and
`variants/validation.txt` list, one id a line. Styles, blocks and colors are columns of
the owner's table.
"""

from __future__ import annotations

import collections
import functools
import importlib.resources
import io
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from PIL import Image

from cv_tf.catalog import Catalog, CatalogError

SPLITS = ("train", "validation")
LONG_EDGE = 288
JPEG_QUALITY = 88

_PAGE = "docs/benchmarks/variants.md"
_CODE_DIGITS = 7  # Of an article id, which say its style.
_MAX_NAMES = 3  # Articles that a message lists.


@functools.cache
def split_of_article() -> Mapping[str, str]:
    """The split of each article of the benchmark, by its id of ten digits."""
    folder = importlib.resources.files("cv_tf.datasets").joinpath("variants")
    return MappingProxyType(
        {
            article: split
            for split in SPLITS
            for article in folder.joinpath(f"{split}.txt").read_text("ascii").split()
        }
    )


def shrink(photo: bytes) -> bytes:
    """A photo whose long edge is 288 pixels at most, as JPEG.

    A photo that is as small as that stays as it is, byte for byte, if it can be
    decoded. Others are decoded at full size, resampled by Pillow's Lanczos filter, and
    encoded with quality 88 and 4:2:0 subsampling.

    Raises:
      CatalogError: If the photo cannot be read.
    """
    try:
        with Image.open(io.BytesIO(photo)) as image:
            image.load()
            if max(image.size) <= LONG_EDGE:
                return photo
            small = image.convert("RGB")
    except Exception as error:  # Damaged photos make Pillow raise nearly anything.
        raise CatalogError(f"it cannot be read as a photo: {error}.") from error
    small.thumbnail((LONG_EDGE, LONG_EDGE), Image.Resampling.LANCZOS, reducing_gap=None)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling="4:2:0")
    return buffer.getvalue()


@dataclass(frozen=True)
class Completeness:
    """How much of the benchmark a catalogue has.

    Attributes:
      listed: Number of articles of each split of the benchmark.
      missing: Articles of each split that the catalogue lacks, in their order.
      others: Number of products that are no articles of their split.
      other_styles: Number of articles whose style is not that of their ids: those of
        one style begin with the same seven digits.
    """

    listed: Mapping[str, int]
    missing: Mapping[str, tuple[str, ...]]
    others: int
    other_styles: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether the products are those of the benchmark, and of its styles."""
        faults = (self.others, self.other_styles, *self.missing.values())
        return not any(faults)

    def sentence(self) -> str:
        """Says whether figures can be compared with those of others, and why not."""
        if self.is_complete:
            return (
                f"All {sum(self.listed.values()):,} articles of the benchmark are "
                f"there: the figures are comparable with those of {_PAGE}."
            )
        told = [
            f"{len(ids):,} of {self.listed[split]:,} articles of {split} are missing, "
            f"such as {', '.join(ids[:_MAX_NAMES])}"
            for split, ids in self.missing.items()
            if ids
        ]
        if self.others:
            told.append(f"{self.others:,} products are not on its list")
        if self.other_styles:
            told.append(
                f"{self.other_styles:,} articles are not of one style with exactly "
                f"those whose ids begin with the same {_CODE_DIGITS} digits"
            )
        remedy = (
            "Download the missing photos, delete the folder of the data set, and "
            "prepare it again."
            if any(self.missing.values())
            else "Take the products, splits and styles of hm_personalized_fashion/"
            "variants, which cv_tf prepare makes, as they are."
        )
        faults = "; ".join(told)
        return (
            f"The figures are not comparable with those of {_PAGE}: {faults}. {remedy}"
        )


def completeness_of(catalog: Catalog) -> Completeness:
    """Compares the products of a catalogue, their splits and styles, with the lists."""
    listed = split_of_article()
    there = [""] * len(catalog) if catalog.split is None else catalog.split.tolist()
    found = dict(zip(catalog.product_id.tolist(), there, strict=True))
    missing: dict[str, list[str]] = {split: [] for split in SPLITS}
    for article, split in listed.items():
        if found.get(article) != split:
            missing[split].append(article)
    kept = len(listed) - sum(map(len, missing.values()))
    return Completeness(
        {split: list(listed.values()).count(split) for split in SPLITS},
        {split: tuple(ids) for split, ids in missing.items()},
        len(catalog) - kept,
        _other_styles(catalog, listed),
    )


def _other_styles(catalog: Catalog, listed: Mapping[str, str]) -> int:
    """Number of articles that are not with exactly those of their product code."""
    of_code = collections.defaultdict(set)
    of_style = collections.defaultdict(set)
    products = zip(catalog.product_id.tolist(), catalog.style.tolist(), strict=True)
    for row, (name, style) in enumerate(products):
        if name in listed:
            of_code[name[:_CODE_DIGITS]].add(row)
            of_style[style if style >= 0 else -1 - row].add(row)
    together = set(map(frozenset, of_style.values()))
    return sum(
        len(rows) for rows in of_code.values() if frozenset(rows) not in together
    )
