import random

import pytest

from cv_tf.files import say_unknown, similar_names

KNOWN = [f"{number:010d}" for number in range(108_775_000, 108_775_100)]


@pytest.mark.parametrize(
    "unknown",
    [
        "108775042",
        "01087750421",
        "0108775O42",
        "0180775042",
    ],
)
def test_a_slip_of_the_pen_is_found_among_many(unknown):
    draws = random.Random(0)
    others = {f"{draws.randrange(10**10):010d}" for _ in range(10_000)}
    assert similar_names([unknown], {"0108775042", *others})[unknown][0] == "0108775042"


@pytest.mark.parametrize("unknown", ["7", "000000007"])
def test_leading_zeros_that_a_spreadsheet_took_away(unknown):
    known = [f"{number:010d}" for number in range(20_000)]
    assert similar_names([unknown], known)[unknown][0] == "0000000007"


def test_the_most_similar_come_first_and_no_more_than_three():
    known = ["red shorts", "blue skirt", "red skirt", "a red skirt", "the red skirts"]
    assert similar_names(["red skirts"], known) == {
        "red skirts": ["red skirt", "a red skirt", "the red skirts"]
    }


def test_capital_letters_do_not_matter():
    assert similar_names(["sku-1"], ["SKU-1"]) == {"sku-1": ["SKU-1"]}


def test_says_what_is_not_there_and_what_is():
    text = say_unknown("file.parquet", "product", ["ab3", "zzz"], ["abc3", "q"])
    assert text == (
        "file.parquet has no product 'ab3'. Did you mean 'abc3'?\n"
        "file.parquet has no product 'zzz'. Names there look like 'abc3'."
    )


def test_two_that_are_equally_similar():
    text = say_unknown("file.parquet", "block", ["shirt"], ["Shirts", "Skirt"])
    assert text.endswith("Did you mean 'Shirts' or 'Skirt'?")


def test_many_are_counted():
    lines = say_unknown("f", "product", [str(i) for i in range(7)], KNOWN).split("\n")
    assert len(lines) == 6
    assert lines[-1] == "2 more are not there."
