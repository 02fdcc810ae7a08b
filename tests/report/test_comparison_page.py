"""The page of a comparison: one file that shows all and asks for nothing."""

import dataclasses
import itertools

import pytest
from PIL import Image

from cv_tf.comparison import Difference, Query
from cv_tf.comparison.galleries import Found, Shown
from cv_tf.metrics import RECALL
from cv_tf.report import write_comparison_page
from cv_tf.report.comparison_page import Value, draw, lay_out

RECALLS = {"low": [0.5, 0.5, 0.53], "frozen": 0.75, "top": [0.8, 0.82, None]}
ABOUT = {"command": "python -m", "catalogue": "c.csv", "budget": "few", "date": "today"}


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (300, 600), "navy").save(path)
    return str(path)


@pytest.fixture
def page(tmp_path, read_page):
    def write(rows, queries=(), notes=("Read it so.",), about=ABOUT):
        path = tmp_path / "page.html"
        write_comparison_page(path, rows, queries, notes, about, 1234)
        return read_page(path)

    return write


@pytest.fixture
def queries(photo):
    asked = Shown("A", photo, "Shirts", "red")
    variant, other = Shown("B", photo, "Shirts", "navy"), Shown("C", "", "Shirts", "")
    found = {
        "top": (Found(variant, 0.98765, True), Found(other, 0.5, False)),
        "frozen": (Found(other, 0.625, False), Found(variant, 0.25, True)),
    }
    return [Query(asked, 1, found)]


def test_every_recipe_is_in_the_table_and_in_every_chart(page, compared):
    _, rows = compared(RECALLS)
    found = page(rows)
    assert found.texts("h1") == ["3 recipes compared"]
    assert found.texts("th", scope="row") == ["top", "frozen", "low"] * 2
    assert found.texts("figcaption") == ["R@1 in block", "mAP@R in block", "FMS"]
    assert len(found.all("svg")) == 3
    for name in RECALLS:
        assert found.texts("text").count(name) == 3
    cells = found.texts("td")
    assert cells[0] == "0.810 ± 0.014"
    assert cells[9] == "0.750 ≈"  # The best of two seeds is known too poorly.
    assert "2 of 3" in cells
    assert found.texts("strong")[0] == "0.810"


def test_charts_say_in_words_what_they_show(page, compared):
    _, rows = compared(RECALLS)
    found = page(rows)
    ids = [given["id"] for _, given, _ in found.elements if "id" in given]
    assert len(ids) == len(set(ids))
    for chart in found.all("svg"):
        assert chart["role"] == "img"
        assert set(chart["aria-labelledby"].split()) <= set(ids)
    assert found.texts("desc")[0] == (
        "top: 0.810 ± 0.014; frozen: 0.750; low: 0.510 ± 0.017"
    )


def test_neighbors_stand_side_by_side_with_a_word_on_variants(page, compared, queries):
    _, rows = compared(RECALLS)
    found = page(rows, queries)
    assert found.texts("h3")[0] == "A"
    cells = [text for text in found.texts("td") if "B" in text or text.startswith("No")]
    assert cells == [
        "B, navy 0.988 ✓ variant",
        "No photo: no image given C 0.500",
        "No photo: no image given C 0.625",
        "B, navy 0.250 ✓ variant",
    ]
    assert len(found.texts("td", **{"class": "variant"})) == 2
    assert [image["alt"] for image in found.all("img")] == [
        "Photo of A",
        "Photo of B",
        "Photo of B",
    ]
    text = " ".join(found.texts("p"))
    assert "Query; 1 variant to be found, in Shirts" in text
    assert "among 1,234 of the evaluated products" in text
    # The third recipe has no neighbors.
    assert found.texts("th", scope="row")[-2:] == ["top", "frozen"]


def test_settings_notes_and_how_it_came_about(page, compared):
    plan, rows = compared(RECALLS)
    found = page(rows)
    codes = found.texts("code")
    assert codes.count(f"--catalog={plan.overrides['catalog']}") == 3
    assert codes.count("--method=simclr") == 2
    assert "--method=frozen" in codes
    assert codes[-1] == "python -m"
    assert "Read it so." in found.texts("li")
    assert found.texts("dt") == ["Command", "Catalogue", "Budget", "Date"]


def test_asks_nothing_of_any_server(page, compared, queries):
    _, rows = compared(RECALLS)
    found = page(rows, queries)
    tags = {tag for tag, _, _ in found.elements}
    assert not tags & {"script", "iframe", "object", "embed", "form", "base", "use"}
    (policy,) = [m for m in found.all("meta") if "http-equiv" in m]
    assert policy["content"].startswith("default-src 'none'")
    for _, attributes, _ in found.elements:
        for name, value in attributes.items():
            assert not name.startswith("on")
            assert name != "style"
            if name in ("href", "src", "xlink:href"):
                assert value.startswith(("data:", "#"))
    assert "http" not in " ".join(found.texts("style"))


def test_nothing_of_the_catalogue_or_the_recipes_is_taken_for_markup(page, compared):
    evil = '<script>alert(1)<!script>"><img src=x onerror=alert(1)>'
    _, rows = compared({evil: [0.5, 0.6]})
    shown = Shown(evil, evil, evil, evil)
    queries = [Query(shown, 1, {evil: (Found(shown, 0.5, True),)})]
    about = ABOUT | {"command": evil, "catalogue": evil}
    found = page(rows, queries, (evil,), about)
    assert {"script", "img"}.isdisjoint(tag for tag, _, _ in found.elements)
    assert found.texts("th", scope="row") == [evil] * 3
    assert found.texts("h3") == [evil, evil]
    assert evil in found.texts("li")


def test_without_neighbors_there_is_no_word_of_them(page, compared):
    _, rows = compared({"a": [None]})
    found = page(rows)
    assert "Where recipes differ" not in found.texts("h2")
    assert "0 of 1" in found.texts("td")


class TestBars:
    """Eight letters are 60 pixels wide, 16 are around them, and the scale has 200."""

    def test_a_bar_and_its_spread(self):
        chart = lay_out("R", [Value("abcdefgh", 0.5, 0.1, "0.5 ± 0.1", True)])
        (bar,) = chart.bars
        assert chart.start == 76
        assert bar.end == 76 + 100
        assert bar.spread == (76 + 80, 76 + 120)
        assert bar.text > bar.spread[1]
        assert chart.ticks[0] == (76, "0")
        assert chart.ticks[-1] == (76 + 200, "1")

    def test_what_is_off_the_scale_ends_with_it(self):
        chart = lay_out("R", [Value("a", -0.5, None, "", False)])
        assert chart.bars[0].end == chart.start
        high = lay_out("R", [Value("a", 0.95, 0.2, "", False)]).bars[0]
        assert high.spread[1] == chart.start + 200

    def test_what_is_unknown_has_no_bar(self):
        chart = lay_out("R", [Value("a", None, None, "-", False)])
        assert chart.bars[0].end == chart.start
        assert chart.bars[0].spread is None

    def test_twelve_lie_below_each_other_and_long_names_are_cut(self, compared):
        names = [f"recipe_{place:02}" for place in range(11)] + ["x" * 50]
        _, rows = compared({name: [0.5, 0.6] for name in names})
        chart = draw(rows, RECALL)
        tops = [bar.top for bar in chart.bars]
        assert len(tops) == 12
        assert all(b - a > chart.bar_height for a, b in itertools.pairwise(tops))
        assert tops[-1] + chart.bar_height < chart.axis < chart.height
        assert chart.bars[-1].label == "x" * 31 + "…"
        assert chart.bars[-1].value.name == "x" * 50


def test_differences_over_styles_are_a_table_of_their_own(page, compared):
    _, rows = compared(RECALLS)
    assert "Difference to the best" not in " ".join(page(rows).texts("caption"))
    apart = {"recall_at_1_in_block": Difference(-0.06, -0.1, -0.02)}
    rows = [
        dataclasses.replace(row, differences=apart if row.recipe.name != "top" else {})
        for row in rows
    ]
    found = page(rows)
    assert "Difference to the best, with its 95% interval" in found.texts("caption")[2]
    cells = found.texts("td", **{"class": "number"})
    assert cells.count("best") == 1
    assert cells.count("-0.060 (-0.100 to -0.020)") == 2
