"""`hm_personalized_fashion`: articles of one retailer, each color with a photo."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from operator import itemgetter

import tensorflow_datasets as tfds

from cv_tf.datasets.manual import (
    LeftOut,
    ManualBuilder,
    ManualProduct,
    ManualProducts,
    split_of,
)
from cv_tf.datasets.manual_folder import ManualFolder, photo_problems, read_table
from cv_tf.datasets.variants_benchmark import shrink, split_of_article

# Values of `graphical_appearance_name` for cloth of one color. Prints and patterns
# differ from color to color, so their articles are not of one design.
PLAIN = frozenset(
    {
        *("Chambray", "Denim", "Glittering/Metallic", "Lace", "Melange", "Mesh"),
        *("Metallic", "Neps", "Other structure", "Slub", "Solid", "Transparent"),
    }
)
# "5-pack", "2p", "3pk"; one pair of tights is "1p".
_MULTIPACK = re.compile(r"\b(?:[2-9]|[1-9]\d)(?:[ -]?packs?|-?pk?)\b", re.IGNORECASE)
_COLUMNS = (
    *("article_id", "product_code", "prod_name"),
    *("product_type_name", "product_group_name"),
    *("graphical_appearance_name", "colour_group_name"),
    *("index_group_name", "detail_desc"),
)
Article = dict[str, str]


@dataclasses.dataclass(eq=False, kw_only=True)
class HmConfig(tfds.core.BuilderConfig):
    """The articles that are kept.

    Plain ones are cloth of one color, no multipacks, and one for each color of a style.
    Listed ones are those of the benchmark of color variants, with its splits and the
    size of its photos.
    """

    plain: bool = False
    min_colors: int = 1  # Of a style.
    listed: bool = False


class HmPersonalizedFashion(ManualBuilder):
    """Builder of `hm_personalized_fashion`."""

    DESCRIPTION = """\
    Products of a large retailer, one photo each. The style is the owner's product
    code, the category its product type, the gender its index group (Ladieswear,
    Menswear, Baby/Children, Divided, Sport). Under one product code there may be
    prints that differ: "solid" and "strict" leave these out. Splits are made by
    style: 70, 15 and 15 percent. "variants" is a benchmark: listed articles in listed
    splits, with photos of 288 pixels (docs/benchmarks/variants.md).
    """
    HOMEPAGE = "https://www.kaggle.com/competitions/h-and-m-personalized-fashion-recommendations"
    CITATION = """\
    @misc{hm2022personalized,
      title = {H&M Personalized Fashion Recommendations},
      author = {Garc{\\'i}a Ling, Carlos and others},
      publisher = {Kaggle},
      year = {2022},
      url = {https://kaggle.com/competitions/h-and-m-personalized-fashion-recommendations}
    }
    """
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    1. Accept the rules of the competition, which say what the data may be used for:
       https://www.kaggle.com/competitions/h-and-m-personalized-fashion-recommendations
    2. Download articles.csv and the folder images (about 30 GB; transactions and
       customers are not needed), and unpack them into one folder:
         articles.csv
         images/010/0108775015.jpg, images/010/0108775044.jpg, ...
    3. python -m cv_tf.prepare --dataset=hm_personalized_fashion --manual_dir=FOLDER
       (without --manual_dir: <data_dir>/downloads/manual/hm_personalized_fashion)
    """
    SUBFOLDERS = ("h-and-m-personalized-fashion-recommendations",)
    BUILDER_CONFIGS = [  # noqa: RUF012 (as TFDS declares it)
        HmConfig(name="all", description="Every article that has a photo."),
        HmConfig(
            name="solid",
            description="Cloth of one color, no multipacks, one article a color.",
            plain=True,
        ),
        HmConfig(
            name="strict",
            description="As solid, and only styles of two colors or more.",
            plain=True,
            min_colors=2,
        ),
        HmConfig(
            name="variants",
            description="The benchmark: 8,096 listed articles, photos of 288 pixels.",
            listed=True,
        ),
    ]

    def find_products(self, folder: ManualFolder) -> ManualProducts:
        """Reads articles.csv; see `ManualBuilder`."""
        table, photos = folder.require("articles.csv"), folder.require("images")
        left_out = LeftOut()
        columns = read_table(table, _COLUMNS)
        for line, _ in columns.problems:
            left_out.add("line of articles.csv cannot be read", f"line {line}")
        cells = zip(*(columns.cells[name] for name in _COLUMNS), strict=True)
        articles = [dict(zip(_COLUMNS, row, strict=True)) for row in cells]
        articles = _identified(articles, columns.lines, left_out)
        if self.builder_config.listed:
            unlisted = list(map(_no_part, articles))
            articles = left_out.keep(articles, unlisted, _id)
        problems = photo_problems(photos, [_image(each) for each in articles])
        articles = left_out.keep(articles, problems, _id)
        if self.builder_config.plain:
            articles = left_out.keep(articles, list(map(_no_plain, articles)), _id)
            articles = left_out.keep(articles, _repeated_colors(articles), _id)
        rare = _rare_styles(articles, self.builder_config.min_colors)
        articles = left_out.keep(articles, rare, _id)
        products = list(map(_product, articles))
        if self.builder_config.listed:
            splits = split_of_article()
            products = [
                dataclasses.replace(each, split=splits[each.product_id])
                for each in products
            ]
        return ManualProducts(products, left_out, str(photos))

    def to_stored(self, photo: bytes) -> bytes:
        """The photo of an article, smaller in the benchmark; see `ManualBuilder`."""
        return shrink(photo) if self.builder_config.listed else photo


def _identified(
    articles: list[Article], lines: list[int], left_out: LeftOut
) -> list[Article]:
    """Articles sorted by number; zeros that a spreadsheet removed are put back."""
    by_id: dict[str, Article] = {}
    for article, line in zip(articles, lines, strict=True):
        digits = article["article_id"].strip()
        number = digits.zfill(10)
        if not re.fullmatch(r"[0-9]{1,10}", digits):
            left_out.add("article_id is not a number of ten digits", f"line {line}")
        elif number in by_id:
            left_out.add("article_id was there before", f"line {line}")
        else:
            code = article["product_code"].strip().zfill(7)
            style = code if re.fullmatch(r"[0-9]{7}", code) else number[:7]
            by_id[number] = article | {"article_id": number, "product_code": style}
    return [by_id[number] for number in sorted(by_id)]


def _no_part(article: Article) -> str:
    listed = article["article_id"] in split_of_article()
    return "" if listed else "no article of the benchmark"


def _no_plain(article: Article) -> str:
    if article["graphical_appearance_name"] not in PLAIN:
        return "print or pattern"
    text = f"{article['prod_name']}\n{article['detail_desc']}"
    return "several in one pack" if _MULTIPACK.search(text) else ""


def _repeated_colors(articles: list[Article]) -> list[str]:
    reasons, seen = [], set()
    for article in articles:
        key = article["product_code"], article["colour_group_name"]
        reasons.append("color that its style already has" if key in seen else "")
        seen.add(key)
    return reasons


def _rare_styles(articles: list[Article], min_colors: int) -> list[str]:
    colors = defaultdict(set)
    for article in articles:
        colors[article["product_code"]].add(article["colour_group_name"])
    reason = f"style of fewer than {min_colors} colors"
    few = {code for code, names in colors.items() if len(names) < min_colors}
    return [reason if of["product_code"] in few else "" for of in articles]


_id = itemgetter("article_id")


def _image(article: Article) -> str:
    number = article["article_id"]
    return f"{number[:3]}/{number}.jpg"


def _product(article: Article) -> ManualProduct:
    return ManualProduct(
        product_id=article["article_id"],
        style_id=article["product_code"],
        split=split_of(article["product_code"]),
        image=_image(article),
        color=article["colour_group_name"],
        category=article["product_type_name"] or article["product_group_name"],
        gender=article["index_group_name"],
        name=article["prod_name"],
    )
