"""Base of the TFDS builders of data sets that are downloaded by hand.

A builder implements `ManualBuilder.find_products`, and is used as TFDS users know it.
"""

from __future__ import annotations

import abc
import hashlib
import inspect
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np
import tensorflow_datasets as tfds
from etils import epath

from cv_tf.catalog import CatalogError
from cv_tf.datasets.manual_folder import BAD_PHOTO, ManualFolder, read_photos

Item = TypeVar("Item")

_TRAIN, _VALIDATION = 70, 15  # Percent of the styles; the others are for testing.
_TEXTS = ("product_id", "style_id", "color", "category", "gender", "name")


@dataclass(frozen=True, kw_only=True)
class ManualProduct:
    """A product with one photo; color, category and gender as the owner names them."""

    product_id: str  # Unique in the data set.
    style_id: str  # The same for color variants; "" if unknown.
    split: str  # "train", "validation" or "test".
    image: str  # Path of its photo, relative to the folder of the photos.
    color: str
    category: str
    gender: str
    name: str = ""
    # x, y, width, height in its photo, in pixels.
    box: tuple[float, float, float, float] | None = None


@dataclass
class LeftOut:
    """Counts of what does not become a product, and the first example, by reason."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, example: str) -> None:
        """Counts one item more."""
        self.counts[reason] += 1
        self.examples.setdefault(reason, example)

    def keep(
        self, items: Sequence[Item], reasons: Sequence[str], name: Callable[[Item], str]
    ) -> list[Item]:
        """Keeps the items whose reason is ""; counts the others, with an example."""
        kept = []
        for item, reason in zip(items, reasons, strict=True):
            if reason:
                self.add(reason, name(item))
            else:
                kept.append(item)
        return kept

    def to_json(self) -> dict[str, dict[str, Any]]:
        """Number and first example of each reason."""
        return {
            reason: {"count": count, "example": self.examples[reason]}
            for reason, count in self.counts.items()
        }


@dataclass
class ManualProducts:
    """The products of an owner's files, in the order in which they are stored."""

    products: list[ManualProduct]
    left_out: LeftOut
    photos: str  # Folder of the photos.


def split_of(style: str) -> str:
    """Assigns a style to a split by a hash of its name: 70, 15 and 15 percent."""
    place = int(hashlib.sha256(style.encode()).hexdigest(), 16) % 100
    if place < _TRAIN:
        return "train"
    return "validation" if place < _TRAIN + _VALIDATION else "test"


class ManualBuilder(
    tfds.core.GeneratorBasedBuilder,
    skip_registration=True,  # type: ignore[call-arg]
):
    """Stores the photos of an owner's files, one product each.

    They are unchanged unless a builder overrides `to_stored`.

    `info.metadata["left_out"]` counts what is left out, by reason.

    Attributes:
      manual_dir: Folder of the files; None for the one of TFDS, which is
        `<data_dir>/downloads/manual`.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}  # noqa: RUF012 (as TFDS declares it)
    DESCRIPTION: ClassVar[str]  # Also of the quality of the labels.
    HOMEPAGE: ClassVar[str]  # The page to download it from.
    CITATION: ClassVar[str]  # In BibTeX.
    # Possible names of the folder that the archive was unpacked into.
    SUBFOLDERS: ClassVar[tuple[str, ...]] = ()

    manual_dir: epath.PathLike | None = None

    @abc.abstractmethod
    def find_products(self, folder: ManualFolder) -> ManualProducts:
        """Reads the owner's tables, and checks which photos exist.

        Raises:
          CatalogError: If a file is missing or cannot be read.
        """

    def to_stored(self, photo: bytes) -> bytes:
        """What is stored of the bytes of an owner's photo: all of it.

        Raises:
          CatalogError: If an override cannot read the photo, which is left out then.
        """
        return photo

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description=self.DESCRIPTION,
            homepage=self.HOMEPAGE,
            citation=inspect.cleandoc(self.CITATION),
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(),
                    "box": tfds.features.Tensor(shape=(4,), dtype=np.float32),
                    **{name: tfds.features.Text() for name in _TEXTS},
                }
            ),
            metadata=tfds.core.MetadataDict(),
            disable_shuffling=True,
        )

    def _note(self, left_out: LeftOut) -> None:
        """Keeps with the data set what does not become a product."""
        self.info.metadata["left_out"] = left_out.to_json()

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        folder = ManualFolder(
            self.manual_dir or dl_manager.manual_dir,
            (self.name, *self.SUBFOLDERS),
            inspect.cleandoc(self.MANUAL_DOWNLOAD_INSTRUCTIONS),
        )
        found = self.find_products(folder)
        _check(self.info.full_name, found)
        self._note(found.left_out)
        products = defaultdict(list)
        for product in found.products:
            products[product.split].append(product)
        return {
            split: self._generate_examples(found, products[split])
            for split in ("train", "validation", "test")
            if products[split]
        }

    def _generate_examples(
        self, found: ManualProducts, products: list[ManualProduct]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        photos = epath.Path(found.photos)
        images = read_photos(photos, [each.image for each in products])
        failures = []
        for number, (product, image) in enumerate(zip(products, images, strict=True)):
            box = np.array(product.box or [np.nan] * 4, np.float32)
            texts = {name: getattr(product, name) for name in _TEXTS}
            try:
                stored = self.to_stored(image)
            except CatalogError as error:
                found.left_out.add(BAD_PHOTO, product.image)
                failures.append(f"'{photos / product.image}': {error}")
                continue
            yield number, {"image": stored, "box": box, **texts}
        if len(failures) == len(products):
            raise CatalogError(
                f"None of the {len(products):,} photos of a split can be stored. Of "
                f"{failures[0]} Download them again."
            )
        self._note(found.left_out)


def _check(name: str, found: ManualProducts) -> None:
    if found.products:
        return
    reasons = [f"{reason}: {n}" for reason, n in found.left_out.counts.items()]
    raise CatalogError(
        f"{name}: no product is left ({'; '.join(reasons) or 'the table is empty'}). "
        f"The photos were looked for in '{found.photos}'."
    )
