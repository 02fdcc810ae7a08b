"""Tables, letter by letter."""

import textwrap

from cv_tf.metrics import format_figures, format_run


def text(indented: str) -> str:
    return textwrap.dedent(indented).strip("\n")


def test_columns_are_aligned_and_the_gain_is_signed():
    table = format_figures(
        {
            "before": {"recall_at_1": 0.25, "ari": 0.5, "num_products": 12345},
            "after": {"recall_at_1": 0.75, "ari": 0.375, "num_products": 12345},
        },
        gain=("before", "after"),
    )
    assert table == text(
        """
                  before   after    gain
        recall@1   0.250   0.750  +0.500
        ARI        0.500   0.375  -0.125
        products  12,345  12,345
        """
    )


def test_intervals_stand_behind_their_column():
    figures = {"recall_at_1": 0.25, "ari": 0.5}
    intervals = {"a": {"recall_at_1": {"low": 0.125, "high": 0.375}}}
    assert format_figures({"a": figures, "b": figures}, intervals=intervals) == text(
        """
                      a    95% interval      b
        recall@1  0.250  0.125 to 0.375  0.250
        ARI       0.500                  0.500
        """
    )


def test_a_run_has_the_intervals_of_its_end():
    run = run_of(0.1, 0.2, 0.3, 0.7)
    ends = {"low": 0.6, "high": 0.8}
    run["intervals"] = {part: {"recall_at_1": ends} for part in ("before", "after")}
    lines = format_run(run).split("\n")
    assert lines[0].split()[-4:] == ["after", "95%", "interval", "gain"]
    assert lines[1].split()[-5:] == ["0.700", "0.600", "to", "0.800", "+0.500"]


def test_figures_that_are_not_known_are_dashes():
    table = format_figures({"a": {"fms": 0.1, "threshold": 0.8}, "b": {"nmi": 1.0}})
    assert table == text(
        """
                       a      b
        FMS        0.100      -
        NMI            -  1.000
        threshold  0.800      -
        """
    )


def test_a_threshold_is_no_gain_and_what_has_no_name_no_line():
    figures = {"threshold": 0.5, "num_rejects": 0, "num_queries": 7}
    table = format_figures({"a": figures, "b": figures}, gain=("a", "b"))
    assert table == text(
        """
                       a      b  gain
        threshold  0.500  0.500
        rejects        0      0
        """
    )


def run_of(*recalls: float) -> dict:
    parts = ("frozen_rgb", "frozen_grey", "before", "after")
    return {"split": "no column"} | {
        part: {"recall_at_1": recall} if recall else {"num_products": 0}
        for part, recall in zip(parts, recalls, strict=True)
    }


def test_a_run_gains_over_grey_frozen_features():
    assert format_run(run_of(0.1, 0.2, 0.3, 0.7)) == text(
        """
                  frozen rgb  frozen grey  before  after    gain
        recall@1       0.100        0.200   0.300  0.700  +0.500
        """
    )


def test_a_run_without_baselines_has_its_own_figures_alone():
    figures = {"recall_at_1": 0.5, "num_products": 10}
    lines = format_run({"split": "no labels", "after": figures}).split("\n")
    assert lines[0].split() == ["after"]
    assert lines[1].split() == ["recall@1", "0.500"]


def test_a_run_without_labels_says_so():
    lines = format_run(run_of(0, 0, 0, 0)).split("\n")
    assert lines[1].split() == ["products", "0", "0", "0", "0"]
    assert lines[-1].startswith("No figures: ")
    assert "style_id" in lines[-1]
