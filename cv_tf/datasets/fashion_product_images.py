"""`fashion_product_images`: products of a shop, with styles guessed from names."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from etils import epath

from cv_tf.datasets.manual import (
    LeftOut,
    ManualBuilder,
    ManualProduct,
    ManualProducts,
    split_of,
)
from cv_tf.datasets.manual_folder import (
    ManualFolder,
    check_header,
    photo_problems,
    read_lines,
)

_NO_COLORS = ("", "na")
_COLUMNS = (
    *("id", "gender", "masterCategory", "subCategory", "articleType", "baseColour"),
    *("season", "year", "usage", "productDisplayName"),
)
# Variants are sold together: a name used again in another year is another design.
_STYLE_COLUMNS = ("articleType", "gender", "season", "year", "usage")
Row = dict[str, str]


class ColorWords:
    """The words for colors of a shop: those of its table, such as "Navy Blue"."""

    def __init__(self, colors: Iterable[str]):
        self._colors = {normalize(color) for color in colors} - set(_NO_COLORS)
        self._patterns: dict[str, re.Pattern] = {}

    def design(self, name: str, color: str) -> str:
        """Removes the colors from the name of a product.

        Every color of the table is removed, and each word of the product's own color:
        "Newfeel Unisex White, Blue and Orange Shoes" becomes "newfeel unisex shoes".
        Words that are only part of another color's name ("sea" of "Sea Green") stay.
        """
        if color not in self._patterns:
            self._patterns[color] = self._pattern(color)
        return " ".join(self._patterns[color].sub(" ", normalize(name)).split())

    def _pattern(self, color: str) -> re.Pattern:
        words = self._colors | set(normalize(color).split()) - set(_NO_COLORS)
        longest_first = sorted(words, key=lambda word: (-len(word), word))
        one = "|".join(map(re.escape, longest_first)) or "(?!)"
        return re.compile(rf"\b(?:{one})(?: (?:and )?(?:{one}))*\b")


def normalize(text: str) -> str:
    """Small letters and digits, single blanks; "Women's A&B" is "womens a and b"."""
    text = unicodedata.normalize("NFKC", text).casefold()
    text = re.sub("['`\N{RIGHT SINGLE QUOTATION MARK}]", "", text)
    text = re.sub(r"[&+]", " and ", text)
    return " ".join(re.sub(r"[\W_]+", " ", text).split())


class FashionProductImages(ManualBuilder):
    """Builder of `fashion_product_images`."""

    DESCRIPTION = """\
    Products of a large shop, one photo each. The shop does not say which are variants:
    its display names do, more or less. Products are of one style if they share article
    type, gender, season, year, usage and the display name without its colors. A name
    that stands twice with one color ("Puma Men Black T-shirt") says too little: its
    products are stored without a style. So the truth is weak: some variants are missed
    (a color that is not the table's, a name that is spelled in two ways) and some
    designs share a name. Compare methods with it, but do not quote its figures as
    those of known variants. Splits are made by style: 70, 15 and 15 percent.
    """
    HOMEPAGE = (
        "https://www.kaggle.com/datasets/paramaggarwal/fashion-product-images-dataset"
    )
    CITATION = """\
    @misc{aggarwal2019fashion,
      title = {Fashion Product Images Dataset},
      author = {Aggarwal, Param},
      publisher = {Kaggle},
      year = {2019},
      url = {https://www.kaggle.com/datasets/paramaggarwal/fashion-product-images-dataset}
    }
    """
    MANUAL_DOWNLOAD_INSTRUCTIONS = """\
    1. Download the data set, large or small, under the licence that its page names:
       https://www.kaggle.com/datasets/paramaggarwal/fashion-product-images-dataset
       https://www.kaggle.com/datasets/paramaggarwal/fashion-product-images-small
    2. Unpack it into one folder (styles/, images.csv are not needed):
         styles.csv
         images/15970.jpg, images/39386.jpg, ...
    3. python -m cv_tf.prepare --dataset=fashion_product_images --manual_dir=FOLDER
       (without --manual_dir: <data_dir>/downloads/manual/fashion_product_images)
    """
    SUBFOLDERS = ("fashion-dataset", "fashion-dataset/fashion-dataset", "myntradataset")

    def find_products(self, folder: ManualFolder) -> ManualProducts:
        """Reads styles.csv; see `ManualBuilder`."""
        table, photos = folder.require("styles.csv"), folder.require("images")
        left_out = LeftOut()
        rows = _read_rows(table, left_out)
        problems = photo_problems(photos, [_image(row) for row in rows])
        kept = left_out.keep(rows, problems, lambda row: row["id"])
        styles = guess_styles(kept)
        products = [
            ManualProduct(
                product_id=row["id"],
                style_id=style,
                split=split_of(design),
                image=_image(row),
                color=row["baseColour"],
                category=row["articleType"] or row["subCategory"],
                gender=row["gender"],
                name=row["productDisplayName"],
            )
            for row, (design, style) in zip(kept, styles, strict=True)
        ]
        return ManualProducts(products, left_out, str(photos))


def guess_styles(rows: list[Row]) -> list[tuple[str, str]]:
    """Guesses the styles of products from their names.

    Returns:
      For each row a key of its design, and its style: the same key, or "" if the name
      does not tell one design from another.
    """
    words = ColorWords(row["baseColour"] for row in rows)
    designs = []
    for row in rows:
        name = words.design(row["productDisplayName"], row["baseColour"])
        within = "|".join(row[column] for column in _STYLE_COLUMNS)
        designs.append(f"{within}|{name}")
    colors = [row["baseColour"] for row in rows]
    times = Counter(zip(designs, colors, strict=True))
    vague = {design for (design, _), count in times.items() if count > 1}
    vague |= {design for design in designs if design.endswith("|")}
    return [(design, "" if design in vague else design) for design in designs]


def _read_rows(path: epath.Path, left_out: LeftOut) -> list[Row]:
    """The rows of the table, in which names may have commas without quotes."""
    lines = read_lines(path)
    # Some copies have columns without a name at the end.
    header = [name.strip() for name in _cells(lines[0].rstrip(", "))] if lines else []
    check_header(path, header, _COLUMNS)
    rows: dict[str, Row] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        row = _row(line, header)
        product_id = row.get("id", "")
        if not (product_id.isascii() and product_id.isdigit()):
            left_out.add("line of styles.csv cannot be read", f"line {number}")
        elif product_id in rows:
            left_out.add("id was there before", f"line {number}")
        else:
            rows[product_id] = row
    return list(rows.values())


def _row(line: str, header: list[str]) -> Row:
    """The cells of a line by column; none if there are too few."""
    cells = _cells(line)
    surplus = len(header) - 1
    if len(cells) <= surplus:
        return {}
    last = ",".join(cells[surplus:]).rstrip(",")
    cells = [cell.strip() for cell in (*cells[:surplus], last)]
    return dict(zip(header, cells, strict=True))


def _cells(line: str) -> list[str]:
    """The cells of one line; quotes that do not pair are ordinary letters."""
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error:
        return line.split(",")


def _image(row: Row) -> str:
    return f"{row['id']}.jpg"
