"""The page of what training sees."""

import numpy as np
import pytest
from PIL import Image

from cv_tf.config import Config
from cv_tf.inspection import Preview, Previews
from cv_tf.pipeline import Reject
from cv_tf.report import write_views
from cv_tf.report.inspection_pages import describe_which

EVIL = '<script>alert(1)</script>" onload="alert(1)'


def product(name, level, step=0, num_views=3):
    photo = np.full((40, 40, 3), level, np.uint8)
    views = np.stack([np.full((32, 32, 3), level + 10 * i) for i in range(num_views)])
    return Preview(name, "Shirts", "navy", photo, step, views.astype(np.uint8))


@pytest.fixture
def page(tmp_path, read_page):
    def write(*products, rejects=(), source="2 of 9 products.", **settings):
        shown = Previews(products, 2, rejects)
        write_views(tmp_path / "page.html", shown, Config(**settings), source)
        return read_page(tmp_path / "page.html")

    return write


def test_every_product_with_its_pictures_in_order(page):
    shown = page(product("A", 100), product("B", 200, step=7))
    assert shown.texts("h1") == ["What the model sees"]
    assert shown.texts("h2") == ["A", "B"]
    captions = ["as prepared", "view 1", "view 2", "view 3", "parts of view 1"]
    assert shown.texts("figcaption") == captions * 2
    pictures = shown.pictures()
    assert list(pictures) == [
        f"{name}: {caption}" for name in "AB" for caption in captions
    ]
    for name, level in (("A", 100), ("B", 200)):
        expected = [level, level, level + 10, level + 20]
        for caption, gray in zip(captions, expected, strict=False):
            assert pictures[f"{name}: {caption}"] == pytest.approx(gray, abs=2)
    paragraphs = shown.texts("p")
    assert paragraphs[0] == "2 of 9 products."
    assert "Shirts, navy; first used in step 7" in paragraphs


def test_settings_stand_above_in_words(page):
    shown = page(product("A", 100), image_size=96)
    said = dict(zip(shown.texts("dt"), shown.texts("dd"), strict=True))
    assert said["Method:"] == "part_contrast"
    assert said["Size:"] == "views are 96 x 96 pixels"
    assert "Parts:" in said


def test_only_views_of_parts_are_cut(page):
    shown = page(product("A", 100), method="simclr", views="whole")
    assert shown.texts("figcaption") == ["as prepared", "view 1", "view 2", "view 3"]


def test_asks_nothing_of_any_server(page):
    page(product("A", 100)).check_asks_nothing_of_any_server()


def test_nothing_of_the_catalogue_is_taken_for_markup(page):
    evil = product(EVIL, 100)._replace(block=EVIL, color=EVIL)
    shown = page(evil, rejects=(Reject(EVIL, "i", EVIL),), source=EVIL)
    shown.check_asks_nothing_of_any_server()
    assert shown.texts("h2") == [EVIL]
    assert shown.all("img")[0]["alt"] == f"{EVIL}: as prepared"
    assert f"{EVIL} is left out: {EVIL}." in shown.texts("p")


@pytest.mark.parametrize(
    ("previews", "settings", "said"),
    [
        (Previews((), 2, ()), {"seed": 5}, "The first two views .* (seed 5)"),
        (Previews((), 1, ()), {}, "The first view of a product is that of the"),
        (Previews((), 2, ()), {"on_bad_image": "reject"}, "leaves out photos"),
    ],
)
def test_says_which_views_they_are(previews, settings, said):
    text = describe_which(previews, Config(**settings))
    first, _, last = said.partition(" .* ")
    assert first in text
    assert last in text


@pytest.mark.integration
def test_as_a_picture(tmp_path):
    shown = Previews((product("A", 100), product("B", 200)), 2, ())
    write_views(tmp_path / "views.PNG", shown, Config(), "2 of 9 products.")
    with Image.open(tmp_path / "views.PNG") as picture:
        assert picture.format == "PNG"
        levels = {
            tuple(color) for _, color in picture.convert("RGB").getcolors(1 << 20)
        }
    assert {(level,) * 3 for level in (100, 110, 120, 200, 210, 220)} <= levels
