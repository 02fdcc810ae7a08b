"""What the builders of data sets that are downloaded by hand have in common."""

from __future__ import annotations

import abc
import hashlib
import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

import numpy as np
import tensorflow_datasets as tfds
from etils import epath

from cv_tf.catalog import CatalogError
from cv_tf.datasets.manual_folder import ManualFolder, read_photos

Item = TypeVar("Item")

_TRAIN, _VALIDATION = 70, 15  # Of a hundred styles; the others are for testing.


@dataclass(frozen=True, kw_only=True)
class ManualProduct:
    """A product with one photo.

    Attributes:
      product_id: Unique in the data set.
      style_id: The same for color variants; "" where it is not known.
      split: "train", "validation" or "test".
      image: Of its photo, relative to the folder of the photos.
      color: In the owner's words.
      category: In the owner's words.
      gender: In the owner's words.
      name: For people to read.
      box: x, y, width, height of the product in its photo, in pixels; None where it
        is not known.
    """

    product_id: str
    style_id: str
    split: str
    image: str
    color: str
    category: str
    gender: str
    name: str = ""
    box: tuple[float, float, float, float] | None = None


@dataclass
class LeftOut:
    """What does not become a product, counted by reason.

    Attributes:
      counts: Reason to how often.
      examples: Reason to the first that was left out for it.
    """

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, example: str) -> None:
        """Counts one more."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        self.examples.setdefault(reason, example)

    def keep(
        self,
        items: Sequence[Item],
        reasons: Sequence[str],
        name: Callable[[Item], str],
    ) -> list[Item]:
        """Returns the items that there is no reason against, and counts the others.

        Args:
          items: Of any kind.
          reasons: Why each is left out; "" to keep it.
          name: From an item to how an example of it is called.
        """
        kept = []
        for item, reason in zip(items, reasons, strict=True):
            if reason:
                self.add(reason, name(item))
            else:
                kept.append(item)
        return kept


@dataclass
class ManualProducts:
    """What the owner's files hold.

    Attributes:
      products: In the order in which they are stored.
      left_out: All else.
      photos: The folder that images are relative to.
    """

    products: list[ManualProduct]
    left_out: LeftOut
    photos: str


def split_of(style: str) -> str:
    """Assigns a style to a split, by nothing but its name: 70, 15 and 15 percent."""
    place = int(hashlib.sha256(style.encode()).hexdigest(), 16) % 100
    if place < _TRAIN:
        return "train"
    return "validation" if place < _TRAIN + _VALIDATION else "test"


_NO_BOX = (np.nan,) * 4
_TEXTS = ("product_id", "style_id", "color", "category", "gender", "name")


class ManualBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """Stores the photos of an owner's files as they are, one product each.

    What is left out is counted in `info.metadata["left_out"]`, by reason.

    Attributes:
      manual_dir: The folder of the files; None for the one of TFDS, which is
        `<data_dir>/downloads/manual`.
      DESCRIPTION: What the data set is, and what its labels are worth.
      HOMEPAGE: Where it is downloaded.
      CITATION: In BibTeX.
      SUBFOLDERS: Names of the folder that the archive is unpacked into.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "Initial release."}  # noqa: RUF012 (as TFDS declares it)
    DESCRIPTION: ClassVar[str]
    HOMEPAGE: ClassVar[str]
    CITATION: ClassVar[str]
    SUBFOLDERS: ClassVar[tuple[str, ...]] = ()

    manual_dir: epath.PathLike | None = None

    @abc.abstractmethod
    def find_products(self, folder: ManualFolder) -> ManualProducts:
        """Reads the owner's tables, and looks which photos are there.

        Raises:
          CatalogError: If a file is missing or cannot be read.
        """

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
        for number, (product, image) in enumerate(zip(products, images, strict=True)):
            box = np.array(product.box or _NO_BOX, np.float32)
            texts = {name: getattr(product, name) for name in _TEXTS}
            yield number, {"image": image, "box": box, **texts}


def _check(name: str, found: ManualProducts) -> None:
    if found.products:
        return
    reasons = [f"{reason}: {n}" for reason, n in found.left_out.counts.items()]
    raise CatalogError(
        f"{name}: no product is left ({'; '.join(reasons) or 'the table is empty'}). "
        f"The photos were looked for in '{found.photos}'."
    )
