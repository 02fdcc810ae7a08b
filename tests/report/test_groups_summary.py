"""What was found in a catalogue, in a few lines."""

from pathlib import Path

import numpy as np
import pytest

from cv_tf.embeddings import Copies
from cv_tf.grouping import Confidence, Grouped, Named
from cv_tf.report import GUESSED, format_changes, format_summary

SUMMARY = {
    "num_products": 12_345,
    "num_groups": 1_002,
    "num_grouped_products": 2_469,
    "share_with_variants": 0.2,
    "largest_group": 17,
    "num_doubtful_groups": 31,
    "num_same_color_groups": 0,
    "num_refused_merges": 0,
    "threshold": 0.61849,
    "color_discount": 0.15,
    "model": "8f2a",
}
EXPECTED = {
    "precision": {"estimate": 0.87654, "low": 0.8, "high": 0.95},
    "recall": {"estimate": 0.5, "low": 0.41, "high": 0.6},
    "f1": {"estimate": 0.6, "low": 0.5, "high": 0.7},
}
PLAIN = """\
products                12,345
groups of two or more    1,002
products with variants   20.0%
largest group               17
doubtful groups             31
with two of one color        0
threshold                0.618"""


@pytest.fixture
def grouped():
    """A function from the names of groups to look at to groups."""

    def make(joined=(), same_color=()) -> Grouped:
        ids = np.array(["a"], object)
        nothing = np.zeros(1)
        return Grouped(
            product_id=ids,
            named=Named(ids, joined),
            size=np.ones(1, np.int64),
            confidence=Confidence(nothing, nothing.astype(np.int32), nothing),
            linked=None,
            threshold=0.61849,
            same_color=same_color,
            copies=Copies(np.zeros(1, np.int64)),
            copies_across_blocks=Copies(np.zeros(1, np.int64)),
        )

    return make


def test_of_a_first_run(grouped):
    assert format_summary(SUMMARY, grouped()) == PLAIN


def test_a_guess_is_called_one(grouped):
    guessed = SUMMARY | {"threshold_source": GUESSED}
    assert format_summary(guessed, grouped()).startswith(
        f"{PLAIN}\nThe threshold is a "
    )
    given = SUMMARY | {"threshold_source": "--threshold"}
    assert format_summary(given, grouped()) == PLAIN


def test_of_a_calibrated_run(grouped):
    text = format_summary(SUMMARY | {"expected": EXPECTED}, grouped())
    assert text.split("\n")[-2:] == [
        "precision to expect     0.88 (0.80 to 0.95)",
        "recall to expect        0.50 (0.41 to 0.60)",
    ]
    assert text.split("\n")[:-2] == [
        f"{line[:24]}{line[24:].strip():>19}" for line in PLAIN.split("\n")
    ]


def test_of_a_guess_it_says_how_little_is_known(grouped):
    guessed = SUMMARY | {"threshold_source": GUESSED, "expected": EXPECTED}
    advice = format_summary(guessed, grouped()).split("\n")[-1]
    assert "guess" in advice
    assert "0.80" in advice
    assert "0.95" in advice
    assert "--ask=40" in advice
    assert "--calibrate" in advice
    answered = guessed | {"threshold_source": "answers"}
    assert "guess" not in format_summary(answered, grouped())


def test_of_a_run_on_an_earlier_one(grouped):
    joined = (("a", ("b", "c")), ("k", ("l",)))
    summary = SUMMARY | {
        "num_new_products": 1_100,
        "num_products_left": 8,
        "joined_groups": [[kept, list(others)] for kept, others in joined],
    }
    assert format_summary(summary, grouped(joined)) == (
        f"{PLAIN}\n"
        "new products             1,100\n"
        "products gone                8\n"
        "former groups joined         2\n"
        "Joined: a has taken in b, c, k has taken in l"
    )


def test_groups_by_state(grouped):
    counts = {"num_confirmed_groups": 5, "num_changed_groups": 40}
    counts |= {"num_new_groups": 3, "num_unchanged_groups": 923}
    lines = PLAIN.split("\n")
    confirmed = "confirmed groups             5"
    assert format_summary(SUMMARY | counts, grouped()).split("\n") == [
        *lines[:4],
        confirmed,
        *lines[4:],
    ]
    earlier = {"num_new_products": 0, "num_products_left": 0, "joined_groups": []}
    text = format_summary(SUMMARY | counts | earlier, grouped())
    assert text.split("\n")[8:] == [
        "changed groups              40",
        "new groups                   3",
        "unchanged groups           923",
        "new products                 0",
        "products gone                0",
        "former groups joined         0",
    ]
    none = counts | {"num_confirmed_groups": 0}
    assert format_summary(SUMMARY | none, grouped()) == PLAIN


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        (
            {"added": 1, "moved": 0},
            "1 product differs from 'old.csv': 1 added; see 'new.csv'.",
        ),
        (
            {"added": 1_200, "moved": 0, "left": 2, "removed": 1},
            "1,203 products differ from 'old.csv': 1,200 added, 2 left, 1 removed; see "
            "'new.csv'.",
        ),
        (
            {"added": 0, "removed": 0},
            "All products are in the groups of 'old.csv': 'new.csv' has no rows, as "
            "there are no changes.",
        ),
    ],
)
def test_changes_in_a_sentence(counts, said):
    assert format_changes(counts, Path("new.csv"), "old.csv") == said


def test_columns_are_as_wide_as_what_is_in_them(grouped):
    large = SUMMARY | {"num_products": 1_234_567_890}
    lines = format_summary(large, grouped()).split("\n")
    assert lines[0] == "products                1,234,567,890"
    assert lines[-1] == "threshold                       0.618"


@pytest.mark.parametrize(
    ("num", "said"),
    [
        (1, "g0"),
        (5, "g0, g1, g2, g3, g4"),
        (6, "g0, g1, g2, g3, g4, and 1 more"),
        (1205, "g0, g1, g2, g3, g4, and 1,200 more"),
    ],
)
def test_groups_with_two_of_one_color_are_named(num, said, grouped):
    names = tuple(f"g{i}" for i in range(num))
    text = format_summary(SUMMARY, grouped(same_color=names))
    assert text == f"{PLAIN}\nTwo of one color in: {said}"


def test_merges_that_were_refused_are_warned_of(grouped):
    summary = SUMMARY | {"num_refused_merges": 1_500}
    text = format_summary(summary, grouped(same_color=("g",)))
    assert text.split("\n")[-2:] == [
        "Two of one color in: g",
        "Warning: 1,500 merges were left out, because a group would have exceeded "
        "--max_group_size. Raise --threshold, or that.",
    ]
