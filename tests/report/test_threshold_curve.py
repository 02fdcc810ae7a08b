"""How precision and recall depend on the threshold, as a table and a picture."""

import csv
import dataclasses
import itertools

import numpy as np
import pytest
from matplotlib import pyplot
from PIL import Image

from cv_tf.grouping import Calibration, ConfidenceCurve
from cv_tf.report import draw_curve, write_curve

CURVE = {
    "precision": np.array([0, 1, 1 / 2, 2 / 4, 3 / 7]),
    "recall": np.array([0, 1 / 3, 1 / 3, 2 / 3, 1]),
    "f1": np.array([0, 2 / 4, 2 / 5, 4 / 7, 6 / 10]),
    "fms": np.sqrt([0, 1 / 3, 1 / 6, 4 / 12, 9 / 21]),
    "threshold": np.array([0.95, 0.85, 0.55, 0.25, -0.45]),
}
CALIBRATION = Calibration(CURVE, 3, ConfidenceCurve(0.25))


class TestTable:
    def test_has_a_row_for_every_threshold_from_the_highest_down(self, tmp_path):
        write_curve(tmp_path / "curve.csv", CALIBRATION)
        assert (tmp_path / "curve.csv").read_text() == (
            "threshold,precision,recall,f1,fms\n"
            "0.950000,0.000000,0.000000,0.000000,0.000000\n"
            "0.850000,1.000000,0.333333,0.500000,0.577350\n"
            "0.550000,0.500000,0.333333,0.400000,0.408248\n"
            "0.250000,0.500000,0.666667,0.571429,0.577350\n"
            "-0.450000,0.428571,1.000000,0.600000,0.654654\n"
        )

    def test_reads_back(self, tmp_path):
        write_curve(tmp_path / "curve.csv", CALIBRATION)
        with (tmp_path / "curve.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        for name, values in CURVE.items():
            found = [float(row[name]) for row in rows]
            np.testing.assert_allclose(found, values, atol=5e-7, err_msg=name)


def drawn(path, calibration) -> np.ndarray:
    draw_curve(path, calibration)
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


class TestPicture:
    def test_is_large_enough_to_read_and_in_colors(self, tmp_path):
        picture = drawn(tmp_path / "curve.png", CALIBRATION)
        height, width, _ = picture.shape
        assert width >= 600
        assert height >= 300
        assert (picture[[0, -1], [0, -1]] == 255).all()
        # Matplotlib's first three colors, of precision, recall and F1.
        for color in ((31, 119, 180), (255, 127, 14), (44, 160, 44)):
            has_color = (np.abs(picture - color).max(axis=-1) < 24).any(axis=0)
            first, *_, last = np.flatnonzero(has_color)
            assert last - first > width / 2

    def test_marks_the_threshold_that_was_chosen(self, tmp_path):
        pictures = [
            drawn(tmp_path / "curve.png", dataclasses.replace(CALIBRATION, chosen=i))
            for i in (1, 2, 3)
        ]
        # Below the title nothing else changes: two marks.
        places = []
        for one, other in itertools.pairwise(pictures):
            changed = (one != other)[60:].any(axis=(0, 2))
            left, *_, right = np.flatnonzero(changed)
            places.append((left, right))
        # Thresholds 0.85, 0.55 and 0.25 are as far apart, and rise to the right.
        (second, first), (third, again) = places
        assert abs(second - again) <= 3
        assert first - second == pytest.approx(second - third, abs=3)
        assert first - second > 60

    def test_takes_the_place_of_the_file_that_was_there(self, tmp_path):
        (tmp_path / "curve.png").write_text("old")
        drawn(tmp_path / "curve.png", CALIBRATION)
        assert [path.name for path in tmp_path.iterdir()] == ["curve.png"]

    def test_leaves_other_figures_alone(self, tmp_path):
        """No figure stays open, and no window system is asked for."""
        before = pyplot.get_fignums(), pyplot.get_backend()
        drawn(tmp_path / "curve.png", CALIBRATION)
        assert (pyplot.get_fignums(), pyplot.get_backend()) == before
