"""A value has one text, from whatever file; spoiled ids and labels are put right."""

import datetime
import decimal
import logging

import numpy as np
import pyarrow as pa
import pytest

from cv_tf.catalog import read_cells
from cv_tf.catalog.cells import to_cell, to_cells

NBSP, ZERO_WIDTH, MARK, IDEOGRAPHIC = "\u00a0", "\u200b", "\ufeff", "\u3000"
COMPOSED, DECOMPOSED = "R\u00f6cke", "Ro\u0308cke"
DAY = datetime.date(2024, 3, 1)


def cells_of(values, column="product_id", ids=("product_id",), labels=()):
    return read_cells("t.csv", column, values, ids, labels)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (
            pa.array([1.0, 4006381333931.0, None, np.nan]),
            ["1", "4006381333931", "", ""],
        ),
        (pa.array([2.0**53 - 1, -0.0, -7.0]), ["9007199254740991", "0", "-7"]),
        (pa.array([2.0**53, 0.1, np.inf]), ["9007199254740992.0", "0.1", "inf"]),
        (pa.array([2.0**24 - 1, 0.1, None], pa.float32()), ["16777215", "0.1", ""]),
        (pa.array(np.float16([2047, 0.1, np.nan])), ["2047", "0.1", ""]),
        (pa.array([np.nan, None]), ["", ""]),
        (pa.array([], pa.float64()), []),
        (pa.array([7, None, 2**60]), ["7", "", str(2**60)]),
        (pa.array([2**64 - 1], pa.uint64()), [str(2**64 - 1)]),
        (pa.array([True, False, None]), ["true", "false", ""]),
        (pa.array([" a", None, f"b{NBSP}"]), ["a", "", "b"]),
        (pa.array(["a ", COMPOSED], pa.large_string()), ["a", COMPOSED]),
        (pa.array([b"a", DECOMPOSED.encode()]), ["a", COMPOSED]),
        (pa.array([b"a", None], pa.large_binary()), ["a", ""]),
        (pa.array(["x", None, "x "]).dictionary_encode(), ["x", "", "x"]),
        (pa.array([7.0, None, np.nan]).dictionary_encode(), ["7", "", ""]),
        (pa.nulls(2), ["", ""]),
        (pa.array([decimal.Decimal("7.00"), None]), ["7", ""]),
        (
            pa.array([decimal.Decimal("12.50"), decimal.Decimal("100.00")]),
            ["12.5", "100"],
        ),
        (pa.array([decimal.Decimal(100)]), ["100"]),
        (pa.array([DAY, None]), ["2024-03-01", ""]),
        (pa.array([DAY]).cast(pa.timestamp("ns")), ["2024-03-01"]),
        (
            pa.array([datetime.datetime(2024, 3, 1, 12, 30)], pa.timestamp("s")),
            ["2024-03-01 12:30:00"],
        ),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
@pytest.mark.parametrize("chunked", [False, True])
def test_arrow_columns_of_every_type(column, expected, chunked):
    column = pa.chunked_array([column[:1], column[1:]]) if chunked else column
    found = to_cells(column)
    # Arrow and NumPy write large numbers in two ways.
    assert [
        c.replace("9.007199254740992e+15", "9007199254740992.0") for c in found
    ] == (expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""),
        (float("nan"), ""),
        (4006381333931.0, "4006381333931"),
        (np.float32(7), "7"),
        (4.5, "4.5"),
        (7, "7"),
        (True, "true"),
        (DAY, "2024-03-01"),
        (datetime.datetime(2024, 3, 1), "2024-03-01"),
        (datetime.datetime(2024, 3, 1, 9, 30), "2024-03-01 09:30:00"),
        (f"{MARK} a b{ZERO_WIDTH}{NBSP}\n", "a b"),
    ],
)
def test_single_values(value, expected):
    assert to_cell(value) == expected
    assert to_cells([value, "x"]) == [expected, "x"]


@pytest.mark.parametrize(
    "edge", [" ", "\t", "\r\n", NBSP, ZERO_WIDTH, MARK, IDEOGRAPHIC]
)
@pytest.mark.parametrize("as_arrow", [False, True])
def test_blanks_are_cut_at_the_ends_only(edge, as_arrow):
    values = [f"{edge}a{edge}b{edge}", edge, "c"]
    values = pa.array(values) if as_arrow else values
    assert to_cells(values) == [f"a{edge}b", "", "c"]


@pytest.mark.parametrize("as_arrow", [False, True])
def test_one_unicode_form_but_for_paths(as_arrow):
    values = pa.array([DECOMPOSED]) if as_arrow else [DECOMPOSED]
    assert cells_of(values)[0] == [COMPOSED]
    assert cells_of(values, "image")[0] == [DECOMPOSED]


@pytest.mark.parametrize("column", [pa.array([b"\xff"]), pa.array([["a"]])])
def test_what_is_no_text_raises(column):
    with pytest.raises((pa.ArrowInvalid, pa.ArrowNotImplementedError)):
        to_cells(column)


class TestIds:
    @pytest.mark.parametrize(
        ("values", "wrong"),
        [
            (
                pa.array([1.0, 4.5, np.inf]),
                {1: "4.5 is not a whole", 2: "inf is not a"},
            ),
            (pa.array([2.0**53, 2.0**53 - 1]), {0: "too large to hold every digit"}),
            (pa.array([2.0**24, 5], pa.float32()), {0: "16777216 is a floating-point"}),
            (pa.array(np.float16([2048, 2047])), {0: "2048 is a floating-point"}),
            (pa.array([1.5, None, 2]).dictionary_encode(), {0: "1.5 is not a whole"}),
            ([7.0, 7.5, "x", 2.0**53], {1: "7.5 is not", 3: "too large"}),
            (["x", DAY], {1: "is the date 2024-03-01"}),
            (["4.00638E+12", "a"], {0: "'4.00638E+12' was shortened by a spreadsheet"}),
            (["1", "4,00638E+12"], {1: "'4,00638E+12' was shortened"}),
            (pa.array(["4.006381333931e+12"]), {0: "was shortened"}),
            (["1.08775015E8", "a"], {0: "'1.08775015E8' was shortened"}),
            (["1.5e+3", "2.5e3", "3,5E3"], {0: "shortened", 1: "shortened", 2: "sh"}),
            (["x", datetime.time(1, 2)], {1: "is the time 01:02:00, as which a spre"}),
            ([datetime.timedelta(1)], {0: "is the time 1 day"}),
            (["1.0", "9007199254740993.0"], {1: "too large to hold every digit"}),
        ],
    )
    def test_that_lost_digits_are_problems(self, values, wrong):
        problems = dict(cells_of(values)[1])
        assert list(problems) == list(wrong)
        for place, what in wrong.items():
            assert problems[place].startswith("product_id ")
            assert what in problems[place]
        assert cells_of(values, "size")[1] == []

    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            (["1.0", "4006381333931.0"], ["1", "4006381333931"]),
            (["12.0", "", "nan"], ["12", "", ""]),
            (pa.array(["12.0", None]), ["12", ""]),
            (['="0108775015"', "a"], ["0108775015", "a"]),
        ],
    )
    def test_that_tools_have_dressed_up_are_mended_and_said(
        self, values, expected, caplog
    ):
        with caplog.at_level(logging.WARNING, "absl"):
            assert cells_of(values) == (expected, [])
        (record,) = caplog.records
        assert record.getMessage().startswith("t.csv: ")
        assert "of 'product_id' such as" in record.getMessage()

    @pytest.mark.parametrize(
        "ids",
        [
            ["1.0", "1.5"],
            ["1.0", "a"],
            ["007.0"],
            ["1E5", "2e10", "12.5E3", "1.E5", "1.5E3X"],
            ["A4.0E+12"],
            ["nan", "NULL", "a"],
            ["="],
        ],
    )
    def test_that_only_look_so_stay(self, ids, caplog):
        with caplog.at_level(logging.WARNING, "absl"):
            assert cells_of(ids) == (ids, [])
        assert caplog.text == ""


class TestLabels:
    @pytest.mark.parametrize(
        "word",
        ["#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"]
        + ["1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"]
        + ["NaT", "NONE", "Nan", " nan ", f"{NBSP}N/A", "\\N", "(null)", "[NULL]"]
        + ["<null>", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"],
    )
    @pytest.mark.parametrize("as_arrow", [False, True])
    def test_words_for_nothing_are_empty(self, word, as_arrow):
        values = [word, "Natural", "NAVY", ""]
        values = pa.array(values) if as_arrow else values
        expected = ["", "Natural", "NAVY", ""]
        assert cells_of(values, "color", labels=["color"])[0] == expected
        assert cells_of(values, "color")[0][0] == word.strip()

    @pytest.mark.parametrize(
        "values",
        [
            pa.array([-1, 0, 7]),
            pa.array([-1.0, 0, 7]),
            ["-1", "0", "7"],
            ["-1.0", "0.0", "7.0"],
            [-1.0, 0.0, "7"],
        ],
    )
    def test_styles_are_not_known_by_minus_one(self, values):
        both = {"ids": ["style_id"], "labels": ["style_id"]}
        assert cells_of(values, "style_id", **both) == (["", "0", "7"], [])
        assert cells_of(values, "size", labels=["size"])[0][0].startswith("-1")

    def test_are_counted_once(self, caplog):
        values = ["nan", "a", "N/A", "nan", ""]
        with caplog.at_level(logging.WARNING, "absl"):
            cells_of(values, "style_id", labels=["style_id"])
        (record,) = caplog.records
        assert record.getMessage() == (
            "t.csv: 3 cells of 'style_id' hold 'N/A' or 'nan', which is taken as empty."
        )

    def test_missing_values_are_not_worth_a_word(self, caplog):
        with caplog.at_level(logging.WARNING, "absl"):
            cells_of(pa.array([np.nan, None, 1]), "style_id", labels=["style_id"])
        assert caplog.text == ""
