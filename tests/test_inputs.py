"""What a result is made from, and what is said of changes."""

import random

import pytest

from cv_tf.catalog import read_catalog
from cv_tf.errors import UserError
from cv_tf.inputs import Inputs

BEFORE = Inputs(["a", "b", "c"], {"style": ["1", "1", ""], "photo": ["x", "y", "z"]})


def changed(ids, **values) -> list[str]:
    return list(Inputs(ids, values).changes_since(BEFORE))


@pytest.mark.parametrize(
    ("ids", "styles", "photos", "said"),
    [
        ("abc", "11 ", "xyz", []),
        ("abcd", "11 2", "xyzw", ["the product 'd' was added"]),
        ("deabc", "3311 ", "..xyz", ["2 products were added, such as 'd'"]),
        ("b", "1", "y", ["2 products were removed, such as 'a'"]),
        ("abc", "12 ", "xyz", ["the product 'b' has another style"]),
        ("abc", "22 ", "xyz", ["2 products have another style, such as 'a'"]),
        ("abc", "11 ", "xyw", ["the product 'c' has another photo"]),
        ("bac", "11 ", "yxz", ["products are in another order"]),
        (
            "bad",
            "12 ",
            "yxz",
            [
                "the product 'd' was added",
                "the product 'c' was removed",
                "the product 'a' has another style",
                "products are in another order",
            ],
        ),
    ],
)
def test_changes_are_told(ids, styles, photos, said):
    style = [name.strip() for name in styles]
    assert changed(list(ids), style=style, photo=list(photos)) == said
    is_same = Inputs(list(ids), {"style": style, "photo": list(photos)}).digest
    assert (is_same == BEFORE.digest) == (said == [])


def test_columns_that_come_and_go():
    assert changed(["a", "b", "c"], photo=["x", "y", "z"], box=["", "", ""]) == [
        "the column box was added",
        "the column style was removed",
    ]


def test_numbers_are_grouped():
    many = Inputs([f"{i}" for i in range(1234)], {})
    assert list(many.changes_since(Inputs([], {}))) == [
        "1,234 products were added, such as '0'"
    ]


def test_of_a_catalogue(drawn_catalog):
    catalog = read_catalog(drawn_catalog)
    inputs = Inputs.of_catalog(catalog, "image", "block", "color", "box", "style_id")
    assert list(inputs.values) == ["image", "block", "color", "style_id"]
    assert inputs.ids == catalog.product_id.tolist()
    assert inputs.values["block"][0] == "Trousers"


def test_come_back_from_a_file(tmp_path):
    odd = Inputs(["a\n", "ü,", ""], {"x y": ["1", "", '"'], "photo": ["", "", ""]})
    for inputs in (BEFORE, odd, Inputs([], {})):
        inputs.write(tmp_path / "inputs.parquet")
        again = Inputs.read(tmp_path / "inputs.parquet", "Write it again.")
        assert again == inputs
        assert again.digest == inputs.digest


def test_damaged_files_are_told_or_the_same(tmp_path):
    path = tmp_path / "inputs.parquet"
    BEFORE.write(path)
    whole, draw = path.read_bytes(), random.Random(0)
    told = 0
    for _ in range(300):
        content = bytearray(whole)
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(content[: draw.choice([None, None, draw.randrange(900)])])
        try:
            Inputs.read(path, "Write it again.")
        except UserError as error:
            told += 1
            assert str(path) in str(error)
            assert str(error).endswith("Write it again.")
    assert told > 100
