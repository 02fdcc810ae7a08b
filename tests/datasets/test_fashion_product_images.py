import pytest

from cv_tf.catalog import CatalogError
from cv_tf.datasets import prepare_dataset
from cv_tf.datasets.manual import split_of

HEADER = (
    "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,"
    "productDisplayName"
)
SHIRT = "Men,Apparel,Topwear,Shirts"


def shirt(number, color, name, when="Fall,2011,Casual"):
    return f"{number},{SHIRT},{color},{when},{name}"


def write(folder, lines, photos=(), header=HEADER, start="", newline="\n"):
    (folder / "images").mkdir(parents=True)
    text = start + newline.join([header, *lines, ""])
    (folder / "styles.csv").write_bytes(text.encode())
    for number in photos or [line.split(",")[0] for line in lines]:
        (folder / "images" / f"{number}.jpg").write_bytes(photo_of(number))


def photo_of(number):
    return f"the bytes of {number}".encode()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "myntra"


def prepare(folder, tmp_path, **kwargs):
    data_dir = str(tmp_path / "data")
    return prepare_dataset(
        "fashion_product_images", str(folder), data_dir, progress=False, **kwargs
    )


def counts(prepared):
    return {reason: cell["count"] for reason, cell in prepared.left_out.items()}


def style_groups(catalog):
    """The products of each style, and those without one."""
    known = {
        frozenset(catalog.product_id[catalog.style == style])
        for style in set(catalog.style) - {-1}
    }
    return known, set(catalog.product_id[catalog.style == -1])


def test_products_whose_names_differ_in_colors_are_of_one_style(folder, tmp_path):
    lines = [
        shirt(15970, "Navy Blue", "Turtle Check Men Navy Blue Shirt"),
        shirt(15971, "White", "Turtle Check Men White Shirt"),
        shirt(15972, "White", "Turtle Stripe Men White Shirt"),
        # The same name, but of another year or of another gender.
        shirt(15973, "Red", "Turtle Check Men Red Shirt", "Fall,2012,Casual"),
        shirt(15974, "Red", "Turtle Check Men Shirt").replace("Men", "Women", 1),
        # Two of one color: the name does not tell the design.
        shirt(15975, "Black", "Puma Men Black T-shirt"),
        shirt(15976, "Black", "Puma Men Black T-shirt"),
        shirt(15977, "Red", "Puma Men Red T-shirt"),
        # Nothing is left of the name.
        shirt(15978, "Red", "Red"),
        "59263,Women,Accessories,Watches,,Silver,Winter,2016,NA,Titan Silver Watch",
    ]
    write(folder, lines)
    catalog = prepare(folder, tmp_path, block_columns=("category", "gender")).catalog
    known, unknown = style_groups(catalog)
    singles = [{number} for number in ("15972", "15973", "15974", "59263")]
    assert known == set(map(frozenset, [{"15970", "15971"}, *singles]))
    assert unknown == {"15975", "15976", "15977", "15978"}
    assert set(catalog.block_names) == {
        "Shirts / Men",
        "Shirts / Women",
        "Watches / Women",
    }
    row = {number: i for i, number in enumerate(catalog.product_id)}
    assert catalog.color[row["15970"]] == "Navy Blue"
    assert catalog.records(int(catalog.record[row["59263"]])) == photo_of(59263)
    design = "Shirts|Men|Fall|2011|Casual|turtle check men shirt"
    for number in ("15970", "15971"):
        assert catalog.split[row[number]] == split_of(design)
    # Products of a vague name are kept together, too.
    vague = {catalog.split[row[number]] for number in ("15975", "15976", "15977")}
    assert len(vague) == 1


@pytest.mark.parametrize(
    ("header", "start", "newline"),
    [(HEADER, "", "\n"), (HEADER, "\ufeff", "\r\n"), (f"{HEADER},,", "", "\n")],
)
def test_lines_with_too_many_commas_are_read(header, start, newline, folder, tmp_path):
    lines = [
        shirt(1, "White", "Newfeel White, Blue and Orange Shoes"),
        shirt(2, "Orange", '"Newfeel Orange, Blue Shoes"'),
        shirt(3, "Blue", "Newfeel Blue Shoes,,"),
        shirt(4, "Red", '17" Wide Bag, Größe "L"'),
        shirt(5, "Blue", '"17"" Wide Bag, Größe ""L"""'),
    ]
    write(folder, lines, header=header, start=start, newline=newline)
    prepared = prepare(folder, tmp_path)
    known, unknown = style_groups(prepared.catalog)
    assert known == {frozenset("123"), frozenset("45")}
    assert not unknown
    assert prepared.left_out == {}


def test_what_cannot_be_a_product_is_counted(folder, tmp_path):
    (tmp_path / "outside.jpg").write_bytes(b"not of this folder")
    lines = [
        shirt(1, "White", "A White Shirt"),
        "2,Men,Apparel,Topwear",
        "",
        shirt("../../outside", "White", "B White Shirt"),
        shirt("", "White", "C White Shirt"),
        shirt(1, "Red", "The same number again"),
        shirt(3, "White", "Without a photo"),
        shirt(4, "White", '"never closed'),
    ]
    write(folder, lines, photos=[1, 4])
    prepared = prepare(folder, tmp_path)
    assert sorted(prepared.catalog.product_id) == ["1", "4"]
    assert counts(prepared) == {
        "line of styles.csv cannot be read": 3,
        "id was there before": 1,
        "no photo": 1,
    }
    unreadable = prepared.left_out["line of styles.csv cannot be read"]
    assert unreadable["example"] == "line 3"


def test_bytes_that_are_not_utf_8_spoil_one_name_only(folder, tmp_path):
    write(folder, [shirt(1, "White", "Plain"), shirt(2, "White", "Caf@ Shirt")])
    text = (folder / "styles.csv").read_bytes()
    (folder / "styles.csv").write_bytes(text.replace(b"@", b"\xe9"))
    assert len(prepare(folder, tmp_path).catalog) == 2


@pytest.mark.parametrize("inside", ["fashion-dataset", "myntradataset"])
def test_the_folder_that_the_archive_makes_is_looked_into(inside, folder, tmp_path):
    write(folder / inside, [shirt(1, "White", "A White Shirt")])
    assert len(prepare(folder, tmp_path).catalog) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'id', .*; it has none"),
        ("id,gender\n1,Men\n", "no column 'masterCategory', .*; it has id, gender"),
    ],
)
def test_a_table_of_something_else(text, message, folder, tmp_path):
    write(folder, [])
    (folder / "styles.csv").write_text(text)
    with pytest.raises(CatalogError, match=message):
        prepare(folder, tmp_path)
