import numpy as np
from PIL import Image

from cv_tf.report.pictures import Captioned, ColorScale, write_sheet


def plain(color):
    return np.full((20, 20, 3), color, np.uint8)


def colors_in(path):
    pixels = np.asarray(Image.open(path).convert("RGB")).reshape(-1, 3)
    return {tuple(color) for color in np.unique(pixels, axis=0).tolist()}


def test_holds_every_picture(tmp_path):
    red, green, blue = (250, 10, 10), (10, 250, 10), (10, 10, 250)
    rows = [
        [Captioned("one", plain(red)), Captioned("two", plain(green))],
        [Captioned("one", plain(blue)), Captioned("two", plain(red))],
    ]
    write_sheet(tmp_path / "sheet.png", "Title", rows)
    assert {red, green, blue} <= colors_in(tmp_path / "sheet.png")
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_is_a_png(tmp_path):
    write_sheet(tmp_path / "sheet.png", "", [[Captioned("", plain((9, 9, 9)))]])
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.format == "PNG"


def test_rows_may_be_of_different_lengths(tmp_path):
    red, green, blue = (250, 10, 10), (10, 250, 10), (10, 10, 250)
    rows = [
        [Captioned("", plain(red))],
        [Captioned("", plain(c)) for c in (green, blue)],
    ]
    write_sheet(tmp_path / "sheet.png", "", rows)
    with Image.open(tmp_path / "sheet.png") as image:
        sheet = np.asarray(image.convert("RGB"))
    height, width = (size // 2 for size in sheet.shape[:2])
    assert (sheet[:height, :width] == red).all(axis=-1).any()
    assert (sheet[:height, width:] == 255).all()  # No picture, and no axis.


def test_names_are_no_formulas(tmp_path):
    row = [Captioned("$\\frac{1$ and a very long name " * 5, plain((1, 2, 3)))]
    write_sheet(tmp_path / "sheet.png", "$\\x$", [row])
    assert (1, 2, 3) in colors_in(tmp_path / "sheet.png")


def test_a_scale_has_all_its_colors(tmp_path):
    row = [Captioned("one", plain((9, 9, 9)))]
    write_sheet(tmp_path / "sheet.png", "Title", [row], ColorScale(0.5), inches=5)
    colors = np.array([*colors_in(tmp_path / "sheet.png")])
    for end in ((254, 232, 56), (0, 34, 78)):
        assert np.abs(colors - end).max(axis=1).min() <= 3
