"""Cells of files for shops, worked out by hand."""

import re

import pytest

from cv_tf.shop_files import Notes
from cv_tf.shop_files.shop_fields import (
    Codes,
    address,
    cut,
    one_line,
    options_of,
    plain,
    price_of,
    stock_of,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://example.com/a.jpg", True),
        ("HTTP://example.com", True),
        ("https://example.com/a b.jpg", False),
        ("https:///a.jpg", False),
        ("https://[::1", False),
        ("javascript:alert(1)", False),
        ("file:///etc/passwd", False),
        ("images/a.jpg", False),
        ("https://example.com/" + "a" * 2000, False),
        ("https://example.com/\x00", False),
        ("", False),
    ],
)
def test_addresses(text, expected):
    assert address(text) == (text if expected else "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("19.90 EUR", ("19.90", "EUR")),
        ("19.90", ("19.90", "")),
        (" 5USD ", ("5", "USD")),
        ("0", ("0", "")),
        ("19,90", ("19.90", "")),
        ("1.234,50 \u20ac", ("1234.50", "EUR")),
        ("1,234.50", ("1234.50", "")),
        ("1 234,5 SEK", ("1234.5", "SEK")),
        ("1'234.50 CHF", ("1234.50", "CHF")),
        ("EUR 19.90", ("19.90", "EUR")),
        ("$19.90", ("19.90", "")),  # Of many countries.
        ("1.000", ("1000", "")),
        ("0.1234", ("0.1234", "")),
        ("1,2,3", ("", "")),
        ("1.23.456", ("", "")),
        ("12 EUR 5", ("", "")),
        ("-5", ("", "")),
        ("=1", ("", "")),
        ("1e9", ("", "")),
        ("\u0665 EUR", ("", "")),
        ("", ("", "")),
    ],
)
def test_prices(text, expected, listing_of):
    notes = Notes()
    found = price_of(listing_of([["a"]], price={"a": text}), "price", 0, notes)
    assert found == expected
    assert len(notes.all) == (1 if text and not expected[0] else 0)


def test_text_in_a_line_and_in_several():
    assert plain(" a\r\nb\rc\x00\x1b\ud800 ") == "a\nb\nc"
    assert one_line("a\t b\n\nc\u00a0d") == "a b c d"


def test_what_is_cut_is_noted_and_letters_keep_their_accents():
    notes = Notes()
    assert cut("abc", 3, "title", notes, "p") == "abc"
    assert notes.all == ()
    assert cut("ab cd", 3, "title", notes, "p") == "ab"
    assert cut("abe\u0301x", 3, "title", notes, "q") == "ab"
    assert notes.all[0].what == "products whose title is cut to 3 characters"
    assert notes.all[0].number == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in stock", "in_stock"),
        ("https://schema.org/InStock", "in_stock"),
        ("OUT_OF_STOCK", "out_of_stock"),
        ("pre-order", "preorder"),
        ("onbackorder", "backorder"),
        ("1", "in_stock"),
        ("soon", ""),
    ],
)
def test_availability(text, expected):
    assert stock_of(text) == expected


class TestCodes:
    def test_what_can_be_a_code_stays(self):
        codes = Codes("A-Za-z0-9_", 20)
        assert codes.of("A_7") == codes.of("A_7") == "A_7"
        assert codes.of("_x_") == "_x_"

    def test_of_other_names_are_made_of_them(self):
        codes = Codes("A-Za-z0-9-", 20, "-")
        assert codes.of("Cr\u00e8me br\u00fbl\u00e9e!") == "Creme-brulee"

    def test_are_unique_whatever_the_case_and_bounded(self):
        codes = Codes("A-Za-z0-9_", 20, taken=["Taken"])
        names = ["a b", "A b", "a-b", "\u9ed2", "\u767d", "", "taken", "x" * 50]
        names += ["x" * 51, "\u9ed2 dress", "\u767d dress", "a_b", "_", "__"]
        made = [codes.of(name) for name in names]
        assert len({code.casefold() for code in [*made, "Taken"]}) == len(names) + 1
        assert all(re.fullmatch(r"\w{1,20}", code, re.ASCII) for code in made)
        assert [codes.of(name) for name in names] == made


class TestOptions:
    def test_are_the_colors(self, listing_of):
        listing = listing_of([["a", "b"]], color={"a": "Red", "b": "Blue"})
        notes = Notes()
        assert options_of(listing, [0, 1], notes) == [("Red", ""), ("Blue", "")]
        assert notes.all == ()

    def test_of_one_color_are_numbered(self, listing_of):
        color = {"a": "Black", "b": "black", "c": "Black 2", "d": "BLACK"}
        listing, notes = listing_of([[*"abcd"]], color=color), Notes()
        found = [it.color for it in options_of(listing, [0, 1, 2, 3], notes)]
        assert found == ["Black", "black 2", "Black 2 2", "BLACK 3"]
        assert notes.all[0].number == 3

    def test_of_one_color_may_differ_in_size(self, listing_of):
        color = dict.fromkeys("abcd", "Black")
        listing = listing_of([[*"abcd"]], color=color, size={"a": "S", "b": "M"})
        assert options_of(listing, [0, 1, 2, 3], Notes()) == [
            ("Black", "S"),
            ("Black", "M"),
            ("Black", "One size"),
            ("Black 2", "One size"),
        ]

    def test_without_a_color_are_the_ids(self, listing_of):
        listing, notes = (
            listing_of([["a", "b"]], size=dict.fromkeys("ab", "S")),
            Notes(),
        )
        assert options_of(listing, [0, 1], notes) == [("a", ""), ("b", "")]
        assert notes.all[0].what.startswith("products without a color")

    def test_are_unique_and_bounded_whatever_they_hold(self, hostile):
        for rows in hostile.groups:
            options = options_of(hostile, rows, Notes(), 40)
            assert len({(c.casefold(), s.casefold()) for c, s in options}) == 4
            assert max(len(part) for option in options for part in option) <= 40
