import csv
import io
from collections import Counter

import pytest

from cv_tf.catalog import CatalogError
from cv_tf.datasets import prepare_dataset
from cv_tf.datasets.manual import split_of

_NAMES = """
article_id product_code prod_name product_type_no product_type_name
product_group_name graphical_appearance_no graphical_appearance_name
colour_group_code colour_group_name perceived_colour_value_id
perceived_colour_value_name perceived_colour_master_id perceived_colour_master_name
department_no department_name index_code index_name index_group_no index_group_name
section_no section_name garment_group_no garment_group_name detail_desc
"""
HEADER = _NAMES.split()
WORDS = {
    "prod_name": "Strap top",
    "product_type_name": "Vest top",
    "product_group_name": "Garment Upper body",
    "graphical_appearance_name": "Solid",
    "colour_group_name": "Black",
    "index_group_name": "Ladieswear",
    "detail_desc": 'Jersey top, with "narrow" straps.\nWashes well.',
}


def article(number, **words):
    row = dict.fromkeys(HEADER, "1") | WORDS | words
    return {"article_id": number, "product_code": number[:-3]} | {
        name: row[name] for name in HEADER if name not in ("article_id", "product_code")
    }


def encoded(rows, start="", newline="\n"):
    text = io.StringIO()
    writer = csv.DictWriter(text, HEADER, lineterminator=newline)
    writer.writeheader()
    writer.writerows(rows)
    return (start + text.getvalue()).encode()


def photo_of(number):
    return f"the bytes of {number}, which need not be a photo".encode()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "hm"


def write(folder, rows, photos=None, **kwargs):
    """The owner's layout; photos of all articles unless some are named."""
    (folder / "images").mkdir(parents=True)
    (folder / "articles.csv").write_bytes(encoded(rows, **kwargs))
    for number in [row["article_id"] for row in rows] if photos is None else photos:
        path = folder / "images" / number[:3] / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(photo_of(number))


def prepare(folder, tmp_path, config="all", **kwargs):
    name = f"hm_personalized_fashion/{config}"
    return prepare_dataset(
        name, str(folder), str(tmp_path / "data"), progress=False, **kwargs
    )


def counts(prepared):
    return {reason: cell["count"] for reason, cell in prepared.left_out.items()}


def test_every_article_with_a_photo_is_a_product(folder, tmp_path):
    rows = [
        article("0108775044", colour_group_name="White"),
        article("0108775015"),
        article("0110065001", prod_name="Größe Ø £", product_type_name="Bra"),
        article("0110065002", product_type_name="Bra", index_group_name="Sport"),
        article("0120129001", product_type_name="", product_group_name="Shoes"),
    ]
    write(folder, rows, photos=[row["article_id"] for row in rows if row != rows[3]])
    prepared = prepare(folder, tmp_path, block_columns=("category", "gender"))
    catalog = prepared.catalog
    of_id = {number: i for i, number in enumerate(catalog.product_id)}
    assert set(of_id) == {row["article_id"] for row in rows if row != rows[3]}
    assert catalog.style[of_id["0108775015"]] == catalog.style[of_id["0108775044"]]
    assert len(set(catalog.style)) == 3
    blocks = [catalog.block_names[block] for block in catalog.block]
    assert blocks[of_id["0108775015"]] == "Vest top / Ladieswear"
    assert blocks[of_id["0120129001"]] == "Shoes / Ladieswear"
    assert catalog.color[of_id["0108775044"]] == "White"
    assert catalog.box is None
    for number, row in of_id.items():
        assert catalog.split[row] == split_of(number[:7])
        assert catalog.records(int(catalog.record[row])) == photo_of(number)
    assert prepared.left_out == {"no photo": {"count": 1, "example": "0110065002"}}


def test_a_byte_order_mark_and_line_ends_of_windows_change_nothing(folder, tmp_path):
    rows = [article("0108775015"), article("0108775044")]
    write(folder, rows, start="\ufeff", newline="\r\n")
    catalog = prepare(folder, tmp_path).catalog
    assert sorted(catalog.product_id) == ["0108775015", "0108775044"]


def test_zeros_that_a_spreadsheet_took_away_are_put_back(folder, tmp_path):
    rows = [article("108775015"), article("108775044"), article("0108775051")]
    photos = ["0108775015", "0108775044", "0108775051"]
    write(folder, rows, photos)
    catalog = prepare(folder, tmp_path).catalog
    assert list(catalog.product_id) == photos
    assert len(set(catalog.style)) == 1


def test_what_cannot_be_a_product_is_counted(folder, tmp_path):
    secret = tmp_path / "0000000001.jpg"
    secret.write_bytes(b"not of this folder")
    good = article("0108775015")
    rows = [good, good, article("../0000000001"), article("01087750150"), article("x")]
    write(folder, rows, photos=["0108775015"])
    with (folder / "articles.csv").open("a") as file:
        file.write("0108775044,0108775,too,few\n")
    (folder / "images/010/0108775099.jpg").touch()
    with (folder / "articles.csv").open("ab") as file:
        file.write(encoded([article("0108775099")]).split(b"\n", 1)[1])
    prepared = prepare(folder, tmp_path)
    assert list(prepared.catalog.product_id) == ["0108775015"]
    assert counts(prepared) == {
        "line of articles.csv cannot be read": 1,
        "article_id is not a number of ten digits": 3,
        "article_id was there before": 1,
        "photo is an empty file": 1,
    }
    # The description of each article is two lines long.
    first = prepared.left_out["article_id was there before"]["example"]
    assert first == "line 4"


STYLES = [
    # Two colors, one of them twice: the first of the two stays.
    article("0100000001", colour_group_name="Black"),
    article("0100000002", colour_group_name="White", graphical_appearance_name="Lace"),
    article("0100000003", colour_group_name="Black"),
    # A print, so that one color is left.
    article("0200000001", colour_group_name="Black"),
    article("0200000002", colour_group_name="Red", graphical_appearance_name="Stripe"),
    # A pack, by its name or by its description.
    article("0300000001", prod_name="5p SLIM TEE"),
    article("0300000002", detail_desc="Socks in a 7-pack.", colour_group_name="Red"),
]


@pytest.mark.parametrize(
    ("config", "expected", "rare"),
    [
        ("solid", ["0100000001", "0100000002", "0200000001"], {}),
        ("strict", ["0100000001", "0100000002"], {"style of fewer than 2 colors": 1}),
    ],
)
def test_plain_cloth_only(config, expected, rare, folder, tmp_path):
    write(folder, STYLES)
    prepared = prepare(folder, tmp_path, config)
    assert sorted(prepared.catalog.product_id) == expected
    assert counts(prepared) == rare | {
        "print or pattern": 1,
        "several in one pack": 2,
        "color that its style already has": 1,
    }


def test_a_color_without_a_photo_does_not_count_as_one(folder, tmp_path):
    pair = [article("0100000001"), article("0100000002", colour_group_name="Red")]
    more = [article("0200000001"), article("0200000002", colour_group_name="Red")]
    write(folder, pair + more, photos=["0100000001", "0200000001", "0200000002"])
    prepared = prepare(folder, tmp_path, "strict")
    assert sorted(prepared.catalog.product_id) == ["0200000001", "0200000002"]
    assert counts(prepared) == {"no photo": 1, "style of fewer than 2 colors": 1}


@pytest.mark.parametrize(
    ("name", "is_pack"),
    [
        ("5p SLIM TEE", True),
        ("Claudine 2-pack", True),
        ("Trunk 3 pack", True),
        ("BASIC 10PK", True),
        ("20 den 1p Stockings", False),
        ("Jeans 2", False),
        ("Backpack 2 pockets", False),
        ("P12 top", False),
    ],
)
def test_packs_are_known_by_their_names(name, is_pack, folder, tmp_path):
    write(folder, [article("0100000001"), article("0100000002", prod_name=name)])
    (folder / "articles.csv").write_bytes(
        encoded(
            [
                article("0100000001"),
                article("0100000002", prod_name=name, colour_group_name="Red"),
            ]
        )
    )
    assert len(prepare(folder, tmp_path, "solid").catalog) == 2 - is_pack


def test_splits_are_by_style_and_the_same_for_ever():
    splits = [split_of(f"{number:07}") for number in range(10_000)]
    shares = Counter(splits)
    assert abs(shares["train"] / 10_000 - 0.70) < 0.02
    assert abs(shares["validation"] / 10_000 - 0.15) < 0.02
    assert abs(shares["test"] / 10_000 - 0.15) < 0.02
    # Any other answer would move products between the splits of older figures.
    assert splits[:8] == [
        "train",
        "test",
        "train",
        "train",
        "train",
        "test",
        "validation",
        "train",
    ]


class TestMissingFiles:
    def test_a_folder_that_is_not_there(self, tmp_path):
        with pytest.raises(
            CatalogError, match=r"There is no folder '.*nowhere' to find"
        ):
            prepare(tmp_path / "nowhere", tmp_path)

    def test_what_was_expected_and_what_is_there(self, folder, tmp_path):
        folder.mkdir()
        (folder / "h-and-m.zip").touch()
        with pytest.raises(CatalogError) as caught:
            prepare(folder, tmp_path)
        assert f"'articles.csv' is not there: '{folder}' holds h-and-m.zip." in str(
            caught.value
        )
        assert "Accept the rules of the competition" in str(caught.value)
        assert "images/010/0108775015.jpg" in str(caught.value)

    def test_photos_that_are_not_there(self, folder, tmp_path):
        folder.mkdir()
        (folder / "articles.csv").write_bytes(encoded([article("0108775015")]))
        with pytest.raises(CatalogError, match="'images' is not there"):
            prepare(folder, tmp_path)

    def test_no_photo_at_all(self, folder, tmp_path):
        write(folder, [article("0108775015")], photos=[])
        with pytest.raises(CatalogError, match=r"no product is left \(no photo: 1\)"):
            prepare(folder, tmp_path)
        # A failure leaves nothing behind that would count as prepared.
        (folder / "images/010").mkdir()
        (folder / "images/010/0108775015.jpg").write_bytes(b"now it is there")
        assert len(prepare(folder, tmp_path).catalog) == 1

    def test_a_table_of_something_else(self, folder, tmp_path):
        write(folder, [])
        (folder / "articles.csv").write_text("id,title\n1,News\n")
        with pytest.raises(
            CatalogError, match=r"no column 'article_id'.*it has id, titl"
        ):
            prepare(folder, tmp_path)

    def test_a_table_whose_quotes_do_not_pair(self, folder, tmp_path):
        write(folder, [])
        (folder / "articles.csv").write_text(",".join(HEADER) + '\n1,"open\n')
        with pytest.raises(
            CatalogError, match=r"'.*articles\.csv' cannot be read: line"
        ):
            prepare(folder, tmp_path)

    def test_the_folder_that_an_archive_makes_is_looked_into(self, folder, tmp_path):
        inner = folder / "h-and-m-personalized-fashion-recommendations"
        write(inner, [article("0108775015")])
        assert len(prepare(folder, tmp_path).catalog) == 1

    def test_without_a_folder_that_of_tfds_is_taken(self, tmp_path):
        with pytest.raises(CatalogError, match="downloads/manual does not exist"):
            prepare("", tmp_path)
        folder = tmp_path / "data/downloads/manual/hm_personalized_fashion"
        write(folder, [article("0108775015")])
        assert len(prepare("", tmp_path).catalog) == 1
