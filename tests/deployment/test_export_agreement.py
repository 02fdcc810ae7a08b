import numpy as np
import pytest
from angles import at_degrees

from cv_tf.deployment import ExportAgreement
from cv_tf.deployment.bundle import ExportError, check_agreement, compare_vectors


def test_figures_by_hand():
    expected = at_degrees(0, 10, 30)
    # The second turns from the first to the third; the nearest of the others stays.
    agreement = compare_vectors(expected, at_degrees(0, 25, 30))
    assert agreement.num_photos == 3
    cosine = np.cos(np.deg2rad(15))
    assert agreement.lowest_cosine == pytest.approx(cosine, abs=1e-6)
    assert agreement.mean_cosine == pytest.approx((2 + cosine) / 3, abs=1e-6)
    assert agreement.same_nearest == pytest.approx(2 / 3)


def test_the_nearest_of_a_single_photo_is_unknown():
    one = at_degrees(20)
    assert np.isnan(compare_vectors(one, one).same_nearest)


def test_what_agrees_is_kept():
    check_agreement(ExportAgreement(2, 0.99, 0.99995, 1.0), "float32", "images")
    check_agreement(ExportAgreement(2, 0.1, 0.91, 0.5), "int8_weights", "images")


@pytest.mark.parametrize(
    ("mean", "precision"),
    [(0.9998, "float32"), (0.89, "int8_weights"), (np.nan, "float16")],
)
def test_what_does_not_is_refused(mean, precision):
    agreement = ExportAgreement(2, mean, mean, 1.0)
    with pytest.raises(ExportError, match=f"not kept.*2 photos.*least for {precision}"):
        check_agreement(agreement, precision, "images")
