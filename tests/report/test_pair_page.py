"""The page of where two products agree."""

import numpy as np
import pytest
from PIL import Image

from cv_tf.inspection import PairScore, PartAgreement
from cv_tf.report import Pair, explain_score, write_pair
from cv_tf.report.inspection_pages import draw_agreement
from cv_tf.report.pictures import ColorScale

EVIL = '<script>alert(1)</script>" onload="alert(1)'
AGREEMENT = PartAgreement(
    np.array([0.75, 1.0, 0.5, 0.9]), np.array([0.1, 0.2, 0.3, 0.4]), 0.785, 0.4321
)


SUM = AGREEMENT._replace(contributions=np.array([0.1, 0.2, -0.05, 0.1821]))


def pair(
    names=("A", "B"), agreement=AGREEMENT, layout="grid_2x2", notes=(), score=None
):
    photos = np.stack([np.full((64, 64, 3), (200, 0, 0)), np.full((64, 64, 3), 90)])
    return Pair(names, photos.astype(np.uint8), agreement, layout, notes, score)


@pytest.fixture
def page(tmp_path, read_page):
    def write(shown):
        write_pair(tmp_path / "pair.html", shown)
        return read_page(tmp_path / "pair.html")

    return write


def test_a_table_of_all_parts_the_least_similar_first(page):
    shown = page(pair())
    heads = ["Part", "Where", "Similarity of features", "Weight"]
    assert shown.texts("th") == [*heads, *"3142"]
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
    assert "cannot be split into these parts" in text
    assert "Pass --embeddings for the discounts" in text


def test_what_each_part_adds_the_least_first(page):
    shown = page(pair(agreement=SUM))
    heads = ["Part", "Where", "Adds", "Similarity of features", "Weight"]
    assert shown.texts("th") == [*heads, *"3142"]
    assert shown.texts("td")[1::4] == ["-0.0500", "0.1000", "0.1821", "0.2000"]
    assert "cannot be split" not in shown.texts("body")[0]
    assert shown.texts("li")[0] == "-0.050"
    assert shown.texts("li")[-1] == "0.200 (most)"


def test_from_the_parts_to_the_score(page):
    score = PairScore(similarity=0.4321, color=0.1, shared=0.03)
    shown = page(pair(agreement=SUM, score=score))
    assert dict(zip(shown.texts("dt"), shown.texts("dd"), strict=True)) == {
        "what all parts add": "0.432",
        "similarity, which search prints": "0.432",
        "discount for like colors": "-0.100",
        "what group compares with its threshold": "0.332",
        "discount for few neighbors in common": "-0.030",
        "score, by which search ranks": "0.302",
    }
    assert "Pass --embeddings" not in shown.texts("body")[0]


def test_what_further_photos_add_makes_the_sum_exact():
    lines = explain_score(pair(agreement=SUM, score=PairScore(0.5, 0.0)))
    assert [title for title, _ in lines] == [
        "what all parts add",
        "difference of the stored vectors, as by further photos",
        "similarity, which search prints",
        "discount for like colors",
        "what group compares with its threshold",
    ]
    values = [value for _, value in lines]
    assert values[0] + values[1] == pytest.approx(values[2]) == pytest.approx(0.5)


def test_both_photos_and_both_maps(page):
    pictures = page(pair()).pictures()
    assert list(pictures) == [
        "A, with the number of each part and its similarity, as in the table below",
        "Photo of A as prepared",
        "B, with the number of each part and its similarity, as in the table below",
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
    shown = page(pair(agreement=agreement, layout="symmetric_7x7"))
    assert said in shown.texts("body")[0]
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
