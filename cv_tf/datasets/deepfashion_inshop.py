"""`deepfashion_inshop`: items of a shop on models, in several colorways each."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from operator import attrgetter
from typing import NamedTuple

from etils import epath

from cv_tf.catalog import CatalogError
from cv_tf.datasets.manual import LeftOut, ManualBuilder, ManualProduct, ManualProducts
from cv_tf.datasets.manual_folder import ManualFolder, photo_problems, read_lines

# Names that do not match cannot leave the folder of the photos.
_IMAGE = re.compile(
    r"img/(?P<gender>[\w-]+)/(?P<category>[\w-]+)/(?P<item>id_[0-9]+)/"
    r"(?P<colorway>[0-9]+)_(?P<number>[0-9]+)_(?P<view>[a-z]+)\.jpg",
    re.ASCII,
)
# Photos of an item are in the query and in the gallery, so these are one split.
_SPLITS = {"train": "train", "query": "validation", "gallery": "validation"}
_BEST_VIEWS = ("front", "full")
_HEADER = "image_name"
_UNREADABLE = "line of list_eval_partition.txt cannot be read"
Box = tuple[float, float, float, float]


class _Photo(NamedTuple):
    image: str
    gender: str
    category: str
    item: str
    colorway: str
    view: str
    split: str

    @property
    def rank(self) -> tuple[int, str]:
        """Sort key: photos that show the product better come first."""
        views = [*_BEST_VIEWS, self.view]
        return views.index(self.view), self.image


class DeepfashionInshop(ManualBuilder):
    """Builder of `deepfashion_inshop`."""

    DESCRIPTION = """\
    Items of a shop, worn by models: the In-shop Clothes Retrieval benchmark of
    DeepFashion. A product is one colorway of an item, with its front photo (else the
    one of full length, else the first); the style is the item; category and gender
    are folders of the photo. The partition is the owners', by item: "train" is for
    training; "query" and "gallery" are "validation" together, for each holds photos of
    the same items, and a benchmark of photos would part a product from itself. Boxes
    and colors are there where their files are.
    """
    HOMEPAGE = "https://mmlab.ie.cuhk.edu.hk/projects/DeepFashion/InShopRetrieval.html"
    CITATION = """\
    @inproceedings{liu2016deepfashion,
      author = {Liu, Ziwei and Luo, Ping and Qiu, Shi and Wang, Xiaogang and Tang, Xiaoou},
      title = {DeepFashion: Powering Robust Clothes Recognition and Retrieval with Rich
               Annotations},
      booktitle = {IEEE Conference on Computer Vision and Pattern Recognition (CVPR)},
      year = {2016}
    }
    """  # noqa: E501 (the authors' names are one line)
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    1. Open the page of the benchmark and accept its agreement (non-commercial research
       only; the photos stay their owners'):
       https://mmlab.ie.cuhk.edu.hk/projects/DeepFashion/InShopRetrieval.html
    2. Download the In-shop Clothes Retrieval Benchmark, and unpack its archives into
       one folder, as the owners lay it out:
         Eval/list_eval_partition.txt
         Img/img/WOMEN/Dresses/id_00000002/02_1_front.jpg, ... (img.zip)
         Anno/list_bbox_inshop.txt (if wanted: boxes; they fit img.zip, not
         img_highres.zip)
         Anno/list_color_cloth.txt (if wanted: colors, for reports only)
    3. python -m cv_tf.prepare --dataset=deepfashion_inshop --manual_dir=FOLDER
       (without --manual_dir: <data_dir>/downloads/manual/deepfashion_inshop)
    """
    SUBFOLDERS = ("In-shop Clothes Retrieval Benchmark", "In-shop")

    def find_products(self, folder: ManualFolder) -> ManualProducts:
        """Reads the owners' partition; see `ManualBuilder`."""
        partition = folder.require(*_places("list_eval_partition.txt", "Eval"))
        photos = folder.require("Img/img", "img").parent
        left_out = LeftOut()
        listed = _of_one_split(_read_partition(partition, left_out), left_out)
        problems = photo_problems(photos, [photo.image for photo in listed])
        there = left_out.keep(listed, problems, attrgetter("image"))
        chosen = _one_a_product(there, left_out)
        boxes = _read_boxes(folder.find(*_places("list_bbox_inshop.txt")))
        colors = _read_colors(folder.find(*_places("list_color_cloth.txt")))
        products = [
            ManualProduct(
                product_id=f"{photo.item}-{photo.colorway}",
                style_id=photo.item,
                split=photo.split,
                image=photo.image,
                color=colors.get(photo.image, ""),
                category=photo.category,
                gender=photo.gender,
                box=boxes.get(photo.image),
            )
            for photo in chosen
        ]
        return ManualProducts(products, left_out, str(photos))


def _places(name: str, *folders: str) -> list[str]:
    places = (*folders, "Anno", "Anno/attributes")
    return [*(f"{place}/{name}" for place in places), name]


def _read_partition(path: epath.Path, left_out: LeftOut) -> list[_Photo]:
    photos, seen = [], set()
    for number, row in _rows(path):
        match = _IMAGE.fullmatch(row[0]) if len(row) == 3 else None
        if not match or match["item"] != row[1] or row[2] not in _SPLITS:
            left_out.add(_UNREADABLE, f"line {number}")
        elif row[0] in seen:
            left_out.add("photo was listed before", row[0])
        else:
            seen.add(row[0])
            parts = match["gender"], match["category"], match["item"]
            place = match["colorway"], match["view"], _SPLITS[row[2]]
            photos.append(_Photo(row[0], *parts, *place))
    return photos


def _rows(path: epath.Path, max_splits: int = -1) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row of an owners' list, after a count and a header.

    Blanks after `max_splits` separators belong to the last cell; -1 is no limit.
    """
    lines = read_lines(path)
    starts = (i for i, line in enumerate(lines, start=1) if line.startswith(_HEADER))
    start = next(starts, None)
    if start is None:
        raise CatalogError(
            f"'{path}' has no line that begins with '{_HEADER}'. Is it the owners' "
            "file, unchanged?"
        )
    for number, line in enumerate(lines[start:], start=start + 1):
        if line.strip():
            yield number, line.strip().split(None, max_splits)


def _of_one_split(photos: list[_Photo], left_out: LeftOut) -> list[_Photo]:
    """Leaves items out that are in both splits; the owners' files have none."""
    splits = defaultdict(set)
    for photo in photos:
        splits[photo.item].add(photo.split)
    both = "item is in the training and in the test set"
    reasons = [both if len(splits[photo.item]) > 1 else "" for photo in photos]
    return left_out.keep(photos, reasons, attrgetter("image"))


def _one_a_product(photos: list[_Photo], left_out: LeftOut) -> list[_Photo]:
    """The best photo of each colorway of an item, in the order of products."""
    of_product = defaultdict(list)
    for photo in photos:
        of_product[photo.item, photo.colorway].append(photo)
    chosen = []
    for key in sorted(of_product):
        best, *others = sorted(of_product[key], key=lambda photo: photo.rank)
        chosen.append(best)
        for photo in others:
            left_out.add("another view of a product", photo.image)
    return chosen


def _read_boxes(path: epath.Path | None) -> dict[str, Box]:
    """Boxes by image; boxes without an area are left out."""
    boxes = {}
    for _, row in _rows(path) if path else ():
        try:
            left, top, right, bottom = map(float, row[3:])
        except ValueError:
            continue
        if right > left and bottom > top:
            boxes[row[0]] = (left, top, right - left, bottom - top)
    return boxes


def _read_colors(path: epath.Path | None) -> dict[str, str]:
    rows = _rows(path, max_splits=1) if path else ()
    return {row[0]: row[1] for _, row in rows if len(row) == 2}
