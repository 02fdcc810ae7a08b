"""Products of files for shops: what they have, and what is told of them."""

import doctest

import pytest

from cv_tf.shop_files import (
    Listing,
    Note,
    Notes,
    ShopFileError,
    ShopFileSummary,
    listing,
    shop_fields,
    write_files,
)


def test_groups_begin_with_their_representative(listing_of):
    listing = listing_of([["a", "b"], ["c"]], title={"b": "B"})
    assert listing.groups == [[0, 1], [2]]
    turned = Listing(
        product_id=["a", "c", "b"],
        group_id=["g", "c", "g"],
        representative=["b", "c", "b"],
        color=[""] * 3,
        image=[""] * 3,
        group_size=[2, 1, 2],
    )
    assert turned.groups == [[2, 0], [1]]
    assert (listing.cell("title", 1), listing.cell("brand", 1)) == ("B", "")
    assert listing.has("title")
    assert not listing.has("brand")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"color": ["red"]}, "column 'color' has 1 cells; expected 2"),
        ({"extras": {"title": []}}, "column 'title' has 0 cells; expected 2"),
        ({"product_id": ["a", "a"]}, "Product 'a' is listed twice"),
    ],
)
def test_columns_that_do_not_fit(change, what):
    columns = {
        "product_id": ["a", "b"],
        "group_id": ["a", "b"],
        "representative": ["a", "b"],
        "color": ["", ""],
        "image": ["", ""],
        "group_size": [1, 1],
    }
    with pytest.raises(ShopFileError, match=what):
        Listing(**(columns | change))


def test_notes_count_all_and_show_some():
    notes = Notes()
    for product in "abcde":
        notes.add("products without a title", product)
    notes.add("groups too large", "x" * 100)
    assert notes.all == (
        Note("products without a title", 5, ("a", "b", "c")),
        Note("groups too large", 1, ("x" * 60 + "...",)),
    )
    summary = ShopFileSummary("jsonl", 1, 2, notes.all, "a file")
    assert summary.text("f.jsonl") == (
        "'f.jsonl' is a file: 1 product, with 2 groups of two or more.\n"
        "  Products without a title: 5, such as 'a', 'b', 'c'.\n"
        f"  Groups too large: 1, such as '{'x' * 60}...'."
    )
    assert summary.summary()["notes"][0] == {
        "what": "products without a title",
        "number": 5,
        "examples": ["a", "b", "c"],
    }


@pytest.mark.parametrize("module", [listing, shop_fields, write_files])
def test_examples_say_what_is_true(module):
    found = doctest.testmod(module)
    assert found.attempted > 0
    assert found.failed == 0
