"""The curve of thresholds, in pixels: 560 of them across, 240 down."""

import numpy as np
import pytest

from cv_tf.report.curve import lay_out_curve


def _curve(**columns):
    return {name: np.array(values) for name, values in columns.items()}


@pytest.fixture
def curve():
    # As a calibration has it: the highest threshold first, where nothing is grouped.
    return _curve(
        threshold=[1.0, 0.8, 0.6, 0.4],
        precision=[0.0, 1.0, 0.75, 0.5],
        recall=[0.0, 0.25, 0.5, 1.0],
        f1=[0.0, 0.4, 0.6, 2 / 3],
    )


def test_worked_by_hand(curve):
    chart = lay_out_curve(curve, 0.6)
    assert (chart.right - chart.left, chart.bottom - chart.top) == (560, 240)
    assert [line.name for line in chart.lines] == ["precision", "recall", "F1"]
    # From 0.4 on the left, at a precision of 0.5, to 0.8 on the right, at 1.
    expected = f"M{chart.left} {chart.top + 120}L{chart.left + 280} {chart.top + 60}"
    assert chart.lines[0].path == f"{expected}L{chart.right} {chart.top}"
    assert chart.chosen == chart.left + 280
    assert chart.at_threshold == pytest.approx((0.6, 0.75, 0.5, 0.6))
    assert chart.rows[0] == pytest.approx((0.4, 0.5, 1.0, 2 / 3))
    assert chart.rows[-1] == pytest.approx((0.8, 1.0, 0.25, 0.4))


def test_a_threshold_off_the_curve_is_on_the_chart(curve):
    assert lay_out_curve(curve, 0.9).chosen == lay_out_curve(curve, 0.9).right
    assert lay_out_curve(curve, 0.1).chosen == lay_out_curve(curve, 0.1).left


def test_long_curves_are_thinned_and_keep_their_ends():
    values = np.linspace(0.1, 1, 10_000)
    columns = {"precision": values, "recall": values, "f1": values}
    chart = lay_out_curve(_curve(threshold=values[::-1], **columns), 0.5)
    places = chart.lines[0].path[1:].split("L")
    assert len(places) == 300
    assert places[0].split()[0] == str(chart.left)
    assert places[-1].split()[0] == str(chart.right)


def test_one_threshold_alone():
    only = {"precision": [1.0], "recall": [1.0], "f1": [1.0]}
    chart = lay_out_curve(_curve(threshold=[0.5], **only), 0.5)
    assert chart.chosen == chart.left


def test_no_curve_where_nothing_is_grouped():
    zeros = {name: [0.0] for name in ("precision", "recall", "f1")}
    assert lay_out_curve(_curve(threshold=[0.5], **zeros), 0.5) is None
