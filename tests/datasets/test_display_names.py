import pytest

from cv_tf.datasets.fashion_product_images import ColorWords, normalize

COLORS = ["Navy Blue", "Blue", "White", "Orange", "Off White", "Sea Green", "NA", ""]


@pytest.mark.parametrize(
    ("name", "color", "design"),
    [
        ("Turtle Check Men Navy Blue Shirt", "Navy Blue", "turtle check men shirt"),
        ("Turtle Check Men White Shirt", "White", "turtle check men shirt"),
        # A part of the product's own color, though no color of the table.
        ("Turtle Check Men Navy Shirt", "Navy Blue", "turtle check men shirt"),
        ("Turtle Check Men Navy Shirt", "White", "turtle check men navy shirt"),
        # Other colors of the table, in lists.
        ("Newfeel White, Blue and Orange Shoes", "White", "newfeel shoes"),
        ("Newfeel Blue/White & Orange Shoes", "White", "newfeel shoes"),
        ("Newfeel OFF-WHITE Shoes", "Blue", "newfeel shoes"),
        # Words within words, and parts of colors that are not the product's own.
        ("Bluebird Whitewash Jeans", "Blue", "bluebird whitewash jeans"),
        ("Sea Turn Off Shirt", "White", "sea turn off shirt"),
        # A color of this product alone, and none.
        ("Puma Mauve Tee", "Mauve", "puma tee"),
        ("Puma NA Tee", "NA", "puma na tee"),
        ("Puma Tee", "", "puma tee"),
        ("White", "White", ""),
    ],
)
def test_what_is_left_without_colors(name, color, design):
    assert ColorWords(COLORS).design(name, color) == design


def test_a_shop_without_colors_leaves_names_alone():
    assert ColorWords([""]).design("Puma Blue Tee", "") == "puma blue tee"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Women's  A&B", "womens a and b"),
        ("Women\N{RIGHT SINGLE QUOTATION MARK}s_T-Shirt (2)", "womens t shirt 2"),
        ("ÉTÉ ﬁt", "été fit"),
        (" , ", ""),
    ],
)
def test_names_that_are_spelled_in_two_ways_are_one(text, expected):
    assert normalize(text) == expected
