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

    def _leave_out(
        self, unreadable: list[tuple[str, CatalogError]], number: int, photos: str
    ) -> None:
        """Counts the photos of a split that cannot be read.

        Raises:
          CatalogError: If these are all of them.
        """
        image, error = unreadable[0]
        if len(unreadable) == number:
            raise CatalogError(
                f"None of the {number:,} photos of a split can be stored. Of "
                f"'{epath.Path(photos) / image}': {error} Download them again."
            )
        left_out = self.info.metadata["left_out"]
        cell = left_out.setdefault(BAD_PHOTO, {"count": 0, "example": image})
        cell["count"] += len(unreadable)

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator]:
        folder = ManualFolder(
            self.manual_dir or dl_manager.manual_dir,
            (self.name, *self.SUBFOLDERS),
            inspect.cleandoc(self.MANUAL_DOWNLOAD_INSTRUCTIONS),
        )
        found = self.find_products(folder)
        _check(self.info.full_name, found)
        self.info.metadata["left_out"] = {
            reason: {"count": count, "example": found.left_out.examples[reason]}
            for reason, count in found.left_out.counts.items()
        }
        products = defaultdict(list)
        for product in found.products:
            products[product.split].append(product)
        return {
            split: self._generate_examples(found.photos, products[split])
            for split in ("train", "validation", "test")
            if products[split]
        }

    def _generate_examples(
        self, photos: str, products: list[ManualProduct]
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        images = read_photos(epath.Path(photos), [each.image for each in products])
        unreadable = []
        for number, (product, image) in enumerate(zip(products, images, strict=True)):
            box = np.array(product.box or [np.nan] * 4, np.float32)
            texts = {name: getattr(product, name) for name in _TEXTS}
            try:
                stored = self.to_stored(image)
            except CatalogError as error:
                unreadable.append((product.image, error))
                continue
            yield number, {"image": stored, "box": box, **texts}
        if unreadable:
            self._leave_out(unreadable, len(products), photos)


def _check(name: str, found: ManualProducts) -> None:
    if found.products:
        return
    reasons = [f"{reason}: {n}" for reason, n in found.left_out.counts.items()]
    raise CatalogError(
        f"{name}: no product is left ({'; '.join(reasons) or 'the table is empty'}). "
        f"The photos were looked for in '{found.photos}'."
    )
