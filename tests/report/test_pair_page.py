"""The page of where two products agree."""

import numpy as np
import pytest
from PIL import Image

from cv_tf.inspection import PartAgreement
from cv_tf.report import Pair, write_pair
from cv_tf.report.inspection_pages import draw_agreement
from cv_tf.report.pictures import ColorScale

EVIL = '<script>alert(1)</script>" onload="alert(1)'
AGREEMENT = PartAgreement(
    np.array([0.75, 1.0, 0.5, 0.9]), np.array([0.1, 0.2, 0.3, 0.4]), 0.785, 0.4321
)


def pair(names=("A", "B"), agreement=AGREEMENT, layout="grid_2x2", notes=()):
    photos = np.stack([np.full((64, 64, 3), (200, 0, 0)), np.full((64, 64, 3), 90)])
    return Pair(names, photos.astype(np.uint8), agreement, layout, notes)


@pytest.fixture
def page(tmp_path, read_page):
    def write(shown):
        write_pair(tmp_path / "pair.html", shown)
        return read_page(tmp_path / "pair.html")

    return write


def test_a_table_of_all_parts_the_least_similar_first(page):
    shown = page(pair())
    assert shown.texts("th") == ["Part", "Where", "Similarity", "Weight", *"3142"]
    cells = shown.texts("td")
    assert cells[:3] == [
        "50 to 100 % from the top, 0 to 50 % from the left",
        "0.500",
        "0.300",
    ]
    assert cells[1::3] == ["0.500", "0.750", "0.900", "1.000"]
    assert cells[2::3] == ["0.300", "0.100", "0.400", "0.200"]


def test_the_numbers_of_the_whole(page):
    text = page(pair()).texts("body")[0]
    assert "Similarity of A and B: 0.432" in text
    assert "over all parts is 0.785" in text


def test_both_photos_and_both_maps(page):
    pictures = page(pair()).pictures()
    assert list(pictures) == [
        "A, with the number and the similarity of each part, as in the table below",
        "Photo of A as prepared",
        "B, with the number and the similarity of each part, as in the table below",
        "Photo of B as prepared",
    ]
    sizes = [picture.shape[0] for picture in pictures.values()]
    assert sizes == [448, 64, 448, 64]
    assert pictures["Photo of A as prepared"][30, 30] == pytest.approx(
        [200, 0, 0], abs=6
    )


def test_parts_have_the_colors_of_the_scale_on_a_grey_photo():
    scale = ColorScale(0.5)
    drawn = np.asarray(draw_agreement(pair().photos[0], pair(), scale))
    # The borders of the windows are opaque.
    corners = [(0, 0), (0, 447), (447, 0), (447, 447)]
    for corner, similarity in zip(corners, AGREEMENT.similarities, strict=True):
        assert tuple(drawn[corner]) == scale.color(similarity)
    tint = drawn[100, 20].astype(int) - np.array(scale.color(0.75)) * 56 / 255
    assert np.ptp(tint) < 2  # What is left is grey.


def test_the_legend_has_the_scale(page):
    shown = page(pair())
    patches = [span["style"] for span in shown.all("span") if "style" in span]
    assert patches[0] == "background: rgb(254, 232, 56)"
    assert patches[-1] == "background: rgb(0, 34, 78)"
    assert shown.texts("li")[0] == "0.50"
    assert shown.texts("li")[-1] == "1.00 (alike)"


def test_symmetric_parts_are_explained(page):
    agreement = PartAgreement(np.full(28, 0.9), np.full(28, 0.03), 0.9, 0.8)
    said = "Windows with the same number are one part."
    assert said in page(pair(agreement=agreement, layout="symmetric_7x7")).texts("p")[3]
    assert said not in page(pair()).texts("body")[0]


def test_asks_nothing_of_any_server(page):
    page(pair()).check_asks_nothing_of_any_server()


def test_names_and_notes_are_not_taken_for_markup(page):
    shown = page(pair((EVIL, "B"), notes=[EVIL]))
    shown.check_asks_nothing_of_any_server()
    assert shown.texts("figcaption") == [EVIL, "B"]
    assert EVIL in shown.texts("p")
    assert f"Photo of {EVIL} as prepared" in shown.pictures()


@pytest.mark.integration
def test_as_a_picture(tmp_path):
    write_pair(tmp_path / "pair.png", pair(("A $1", "B")))
    with Image.open(tmp_path / "pair.png") as picture:
        colors = {color for _, color in picture.convert("RGB").getcolors(1 << 20)}
    scale = ColorScale(0.5)
    assert {scale.color(value) for value in AGREEMENT.similarities} <= colors
