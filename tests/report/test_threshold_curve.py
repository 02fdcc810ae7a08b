"""How precision and recall depend on the threshold, as a table."""

import csv

import numpy as np

from cv_tf.grouping import Calibration
from cv_tf.report import write_curve

CURVE = {
    "precision": np.array([0, 1, 1 / 2, 2 / 4, 3 / 7]),
    "recall": np.array([0, 1 / 3, 1 / 3, 2 / 3, 1]),
    "f1": np.array([0, 2 / 4, 2 / 5, 4 / 7, 6 / 10]),
    "fms": np.sqrt([0, 1 / 3, 1 / 6, 4 / 12, 9 / 21]),
    "threshold": np.array([0.95, 0.85, 0.55, 0.25, -0.45]),
}
CALIBRATION = Calibration(CURVE, 3, None)


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
