"""Tables, letter by letter."""

import textwrap

from cv_tf.metrics import format_figures, format_run, groups_in_words


def text(indented: str) -> str:
    return textwrap.dedent(indented).strip("\n")


def test_columns_are_aligned():
    table = format_figures(
        {
            "before": {"recall_at_1": 0.25, "ari": 0.5, "num_products": 12345},
            "after": {"recall_at_1": 0.75, "ari": 0.375, "num_products": 12345},
        }
    )
    assert table == text(
        """
                  before   after
        recall@1   0.250   0.750
        ARI        0.500   0.375
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


def test_what_has_no_name_has_no_line():
    figures = {"threshold": 0.5, "num_rejects": 0, "num_queries": 7}
    table = format_figures({"a": figures, "b": figures})
    assert table == text(
        """
                       a      b
        threshold  0.500  0.500
        rejects        0      0
        """
    )


def run_of(*recalls: float, f1: float = 0.5) -> dict:
    parts = ("frozen_rgb", "frozen_grey", "before", "after")
    named = ("recall_at_1", "recall_at_1_in_block")
    return {"split": "no column", "parts": True} | {
        part: {"num_products": 1234, "pairwise_f1": f1} | dict.fromkeys(named, recall)
        for part, recall in zip(parts, recalls, strict=True)
    }


def gain(value: float, low: float, high: float) -> dict:
    return {"value": value, "low": low, "high": high}


def test_each_step_of_a_run_has_its_own_gain():
    run = run_of(0.1, 0.2, 0.3, 0.7)
    run["intervals"] = {"frozen_grey": {"recall_at_1_in_block": gain(0.2, 0.15, 0.25)}}
    run["gains"] = {
        "before": {"recall_at_1_in_block": gain(0.1, -0.01, 0.2)},
        "after": {
            "recall_at_1_in_block": gain(0.4, 0.3, 0.5),
            "pairwise_f1": gain(0, -0.02, 0.02),
        },
    }
    assert format_run(run) == text(
        """
        Of 1,234 products that were held out:

        recall@1 in block
          pretrained network  0.200           (0.150 to 0.250)
          + vectors of parts  0.300  +0.100 (-0.010 to +0.200)
          + training          0.700  +0.400 (+0.300 to +0.500)

        pairwise F1
          pretrained network  0.500
          + vectors of parts  0.500                     +0.000
          + training          0.500  +0.000 (-0.020 to +0.020)

        Training changed, beside the same vectors untrained (95% intervals):
          recall@1 in block: better by 0.400 (+0.300 to +0.500)
          pairwise F1: level (-0.020 to +0.020)
        """
    )


def test_what_is_worse_is_called_so():
    run = run_of(0.1, 0.2, 0.3, 0.2)
    run["gains"] = {"after": {"recall_at_1_in_block": gain(-0.1, -0.2, -0.05)}}
    assert format_run(run).endswith(
        "  recall@1 in block: worse by 0.100 (-0.200 to -0.050)"
    )


def test_vectors_without_parts_are_not_called_so():
    assert "untrained" in format_run(run_of(0.1, 0.2, 0.3, 0.7) | {"parts": False})


def test_a_run_without_baselines_has_its_own_figures_alone():
    figures = {"recall_at_1": 0.5, "recall_at_1_in_block": 0.5, "num_products": 10}
    run = {"split": "no labels", "after": figures}
    assert format_run(run) == text(
        """
        Of 10 products that were held out:

        recall@1 in block
          after training  0.500
        """
    )


def test_a_run_without_labels_says_so():
    lines = format_run({"after": {"num_products": 0}}).split("\n")
    assert lines[1].split() == ["products", "0"]
    assert lines[-1].startswith("No figures: ")
    assert "style_id" in lines[-1]


def test_groups_in_words():
    figures = {"cgacc": 0.5, "pairwise_precision": 0.8, "pairwise_recall": 0.75}
    told = groups_in_words(figures, {"cgacc": {"low": 0.451, "high": 0.56}})
    assert " ".join(told.split()) == (
        "Of 100 designs in several colors, 50 (45 to 56) are found exactly: no product "
        "is missing, and none too many. Of 100 pairs of products in one group, 80 are "
        "right; of 100 pairs of color variants, 75 are found."
    )
    assert groups_in_words({"recall_at_1": 0.5}, {}) == ""
