"""The page of groups: what is in it, and what it does in a browser."""

import base64
import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cv_tf.embeddings import Copies, Embeddings
from cv_tf.grouping import STATES, Calibration, Confidence, Dendrograms, Grouped, Linked
from cv_tf.grouping.naming import name_groups
from cv_tf.report import PageSettings, Styles, write_group_page
from cv_tf.report.group_page import lay_out_groups

EVIL = "</script><script>document.title = 'broken'</script><b id=evil>"
IDS = ["a1", "b1", "a2", "c1", "a3", "b2", EVIL, "e2"]
GROUPS = [0, 1, 0, 2, 0, 1, 3, 3]
# a3 is of another style than its group, and c1 of the style of (b1, b2).
STYLES = Styles(np.array([0, 2, 0, 2, 1, 2, -1, -1]), (EVIL, "s1", "s2"))
SUMMARY = {"threshold": 0.5, "threshold_source": "--threshold"}


def _grouped(ids, groups, confidence, other):
    ids, groups = np.array(ids, object), np.array(groups)
    confidence = Confidence(
        np.array(confidence, np.float64),
        np.array(other, np.int32),
        np.where(np.array(other) < 0, -np.inf, 0.25).astype(np.float32),
    )
    size = np.bincount(groups)[groups]
    copies = Copies(np.arange(len(ids)))
    nothing = Dendrograms(len(ids), np.empty((0, 2), np.int32), np.empty(0))
    distinct = Embeddings.of_arrays(np.zeros((len(ids), 2), np.float32))
    linked = Linked(distinct, None, None, nothing, None)
    named = name_groups(groups, ids)
    return Grouped(ids, named, size, confidence, linked, 0.5, (), copies, copies)


def _embeddings(ids, blocks, names, image=None, color=None):
    return Embeddings(
        name="vectors.parquet",
        product_id=np.array(ids, object),
        vectors=np.zeros((len(ids), 2), np.float32),
        block=np.array(blocks, np.int32),
        block_names=names,
        image=np.array(image or [""] * len(ids), object),
        color=np.array(color, object) if color else None,
    )


@pytest.fixture
def grouped():
    confidence = [0.9, 0.2, 0.9, 0.75, 0.9, 0.4, 0.5, 0.75]
    return _grouped(IDS, GROUPS, confidence, [1, 3, -1, 1, 1, 3, -1, -1])


@pytest.fixture
def embeddings(tmp_path):
    Image.new("RGB", (300, 600), "navy").save(tmp_path / "photo.jpg")
    image = [str(tmp_path / "photo.jpg")] * 6 + ["", "/nowhere.jpg"]
    color = [EVIL, *["red"] * 7]
    names = ("Shirts", EVIL)
    return _embeddings(IDS, [0] * 6 + [1] * 2, names, image, color)


@pytest.fixture
def page(tmp_path, grouped, embeddings):
    """A function from what is known beside the groups to the path of their page."""

    def write(grouped=grouped, embeddings=embeddings, styles=None, **options):
        path = tmp_path / "page.html"
        settings = PageSettings(**options.pop("limits", {}))
        summary = grouped.summary() | SUMMARY
        write_group_page(
            path, grouped, embeddings, summary, settings, styles, **options
        )
        return path

    return write


class TestData:
    def test_doubtful_groups_first_and_single_products_last(self, grouped, embeddings):
        cards = lay_out_groups(grouped, embeddings)
        columns = cards.columns
        assert columns["group"] == {
            "name": ["b1", EVIL, "a1", "c1"],
            "block": [0, 1, 0, 0],
            "size": [2, 2, 3, 1],
            "confidence": [300, 625, 900, 750],
            "state": [1, 3, 3, 3],
            "representative": [0, 2, 4, 7],
        }
        assert columns["group"]["state"] == [
            STATES.index(state) for state in ("doubtful", "new", "new", "new")
        ]
        product = columns["product"]
        assert product["id"] == ["b1", "b2", EVIL, "e2", "a1", "a2", "a3", "c1"]
        assert [IDS[row] for row in cards.rows] == product["id"]
        assert product["other"] == [7, 7, -1, -1, 0, -1, 0, 0]
        assert product["similarity"] == [250, 250, 0, 0, 250, 0, 250, 250]
        assert cards.shown_first.tolist() == list(range(8))

    def test_failures_by_the_number_of_pairs(self, grouped, embeddings):
        cards = lay_out_groups(grouped, embeddings, STYLES.number)
        assert cards.columns["missed"] == {"of": [2], "pairs": [2]}
        assert cards.columns["merged"] == {"of": [2], "pairs": [2]}
        # Photos of those in failures go into the page before others.
        ids = np.array(cards.columns["product"]["id"])
        assert list(ids[cards.shown_first]) == [
            *("b1", "b2", "a1", "a2", "a3", "c1"),
            *(EVIL, "e2"),
        ]

    def test_labels_of_which_no_two_are_of_one_style_say_nothing(self):
        ids = np.array(["a", "b", "c"], object)
        assert Styles.of(ids, {"a": "s", "b": "t", "z": "s", "c": ""}) is None
        styles = Styles.of(ids, {"a": "t", "c": "t", "b": ""})
        assert styles.number.tolist() == [0, -1, 0]
        assert styles.names == ("t",)


class TestFile:
    def test_one_script_that_its_policy_knows(self, page, read_page):
        found = read_page(page(styles=STYLES))
        data, script = [text for tag, _, text in found.elements if tag == "script"]
        given = [attributes for tag, attributes, _ in found.elements if tag == "script"]
        assert given == [{"type": "application/json", "id": "data"}, {}]
        (policy,) = [m for m in found.all("meta") if "http-equiv" in m]
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert policy["content"] == (
            "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
            f"script-src 'sha256-{digest}'"
        )
        assert json.loads(data)["blocks"] == ["Shirts", EVIL]
        found.check_asks_nothing_of_any_server({"iframe", "object", "form", "base"})

    def test_figures_with_definitions(self, page, read_page):
        found = read_page(page(styles=STYLES))
        cells = found.texts("td", **{"class": "number"})
        # One of the two true groups of two is whole, but has one too many.
        assert cells[found.texts("th", scope="row").index("CGacc")] == "0.000"
        assert "Share of the pairs of variants that are grouped together." in (
            found.texts("td")
        )
        assert "Of 6 labelled products" in " ".join(found.texts("p"))
        assert "chosen on the same labels" not in " ".join(found.texts("p"))
        chosen = read_page(page(styles=STYLES, labels_chose=True))
        assert "chosen on the same labels" in " ".join(chosen.texts("p"))

    def test_without_labels_there_is_no_word_of_failures(self, page, read_page):
        found = read_page(page())
        assert found.texts("h2") == ["All groups"]
        assert found.texts("table") == []

    def test_the_curve_of_a_calibration(self, page, read_page):
        curve = {"threshold": [0.9, 0.5], "precision": [1.0, 0.5]}
        curve |= {"recall": [0.25, 0.75], "f1": [0.4, 0.6], "fms": [0.5, 0.6]}
        curve = {name: np.array(values) for name, values in curve.items()}
        found = read_page(page(calibration=Calibration(curve, 1, None)))
        assert found.texts("h2") == ["The threshold", "All groups"]
        assert found.texts("desc") == [
            "At the threshold of 0.500: precision 0.50, recall 0.75, F1 0.60."
        ]

    def test_says_what_it_has_left_out(self, page, read_page):
        whole = " ".join(read_page(page()).texts("p"))
        assert "left out" not in whole
        less = " ".join(read_page(page(limits={"page_photos": 2})).texts("p"))
        # Seven products have a photo.
        assert "Photos left out, of what comes last: 5." in less


class TestBrowser:
    def test_failures_first(self, page, opened):
        browser = opened(page(styles=STYLES))
        assert "broken" not in browser.run("document.title")
        assert browser.run("document.getElementById('evil')") is None
        assert browser.texts("h2")[:2] == ["Missed groups", "False merges"]
        assert browser.texts("#missed h3") == ["Style s2"]
        assert browser.texts("#missed .pieces p.quiet, #missed .pieces > li > p") == [
            "In group b1",
            "In group c1",
        ]
        assert browser.texts("#missed .quiet") == [
            "Shirts · 3 products in 2 groups · 2 pairs missed"
        ]
        assert browser.texts("#merged h3") == ["Group a1"]
        assert browser.texts("#merged .right .name") == ["a1", "a2"]
        assert browser.texts("#merged .wrong .name") == ["a3"]
        assert browser.texts("#merged .wrong .mark") == ["✗ style s1"]
        assert browser.texts("#merged .right .mark") == [f"✓ style {EVIL}"] * 2

    @pytest.mark.slow
    def test_groups_of_two_or_more_the_doubtful_first(self, page, opened):
        browser = opened(page())
        names = ["Group b1", f"Group {EVIL}", "Group a1"]
        assert browser.texts("#groups h3") == names
        assert browser.texts("#groups .status") == ["1 to 3 of 3 groups"]
        assert browser.texts("#groups .quiet")[0] == (
            "Shirts · 2 products · confidence 0.30 · doubtful"
        )
        assert browser.texts("#groups .missing") == [
            "No photo in this page",
            "No photo: the file is missing",
        ]
        alts = browser.run(
            "[...document.querySelectorAll('#groups img')].map(i=>i.alt)"
        )
        assert alts == [f"Photo of {name}" for name in ("b1", "b2", "a1", "a2", "a3")]

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("field", "value", "expected"),
        [
            ("order", "large", ["a1", "b1", EVIL]),
            ("order", "sure", ["a1", EVIL, "b1"]),
            ("order", "name", [EVIL, "a1", "b1"]),
            ("block", "0", ["b1", "a1"]),
            ("least", "3", ["a1"]),
            ("least", "1", ["b1", EVIL, "c1", "a1"]),
            ("most", "2", ["b1", EVIL]),
            ("confidence", "0.7", ["b1", EVIL]),
            ("find", "A2", ["a1"]),
            ("find", "</script>", [EVIL]),
            ("find", "nothing", []),
        ],
    )
    def test_sorted_and_filtered(self, page, opened, field, value, expected):
        browser = opened(page())
        browser.set(f"[name={field}]", value)
        assert browser.texts("#groups h3") == [f"Group {name}" for name in expected]
        if not expected:
            assert browser.texts("#groups .status") == ["No groups to show"]
        browser.run("document.querySelector('[name=clear]').click()")
        assert len(browser.texts("#groups h3")) == 3
        assert browser.errors == []

    @pytest.mark.slow
    def test_groups_by_their_state(self, page, opened, grouped):
        confirmed = np.isin(grouped.named.group_id, ["a1"])
        previous = dict(zip(IDS, grouped.named.group_id, strict=True))
        browser = opened(
            page(replace(grouped, is_confirmed=confirmed, previous=previous))
        )
        # Those of which there are groups.
        offered = ["all", "confirmed", "doubtful", "unchanged"]
        assert browser.texts("[name=state] option") == offered
        for state, names in ((0, ["a1"]), (1, ["b1"]), (4, [EVIL])):
            browser.set("[name=state]", str(state))
            assert browser.texts("#groups h3") == [f"Group {name}" for name in names]
            (facts,) = browser.texts("#groups .sheet > li > p.quiet")
            assert facts.endswith(f" · {STATES[state]}")

    @pytest.mark.slow
    def test_the_representative_is_marked(self, page, opened):
        browser = opened(page())
        browser.set("[name=least]", "1")
        marked = browser.run(
            "[...document.querySelectorAll('#groups .card')]"
            ".filter((it) => it.textContent.includes('Representative'))"
            ".map((it) => it.querySelector('.name').textContent)"
        )
        assert marked == ["b1", EVIL, "a1"]  # c1 is alone.

    @pytest.mark.slow
    def test_what_is_nearest_outside_is_looked_up(self, page, opened):
        browser = opened(page())
        assert browser.texts("#groups .link") == ["c1", "c1", "b1", "b1"]
        browser.run("document.querySelector('#groups .link').click()")
        assert browser.texts("#groups h3") == ["Group c1"]
        assert browser.run("document.activeElement.name") == "find"

    @pytest.mark.slow
    def test_one_block_is_no_news(self, page, opened, grouped):
        one = _embeddings(IDS, [0] * 8, ("all",))
        browser = opened(page(embeddings=one))
        assert browser.run("document.querySelector('[name=block]')") is None
        assert browser.texts("#groups .quiet")[0].startswith("2 products")


class TestManyGroups:
    @pytest.fixture
    def many(self, page, opened):
        """Thirty groups of two, and one of thirty: of three pages of cards."""
        groups = [*np.repeat(np.arange(30), 2), *[30] * 30]
        ids = [f"p{i:03d}" for i in range(len(groups))]
        confidence = np.linspace(0, 1, len(ids))
        grouped = _grouped(ids, groups, confidence, [-1] * len(ids))
        embeddings = _embeddings(ids, [0] * len(ids), ("all",))
        return opened(page(grouped=grouped, embeddings=embeddings))

    @pytest.mark.slow
    def test_only_a_page_of_them_is_in_the_document(self, many):
        assert many.texts("#groups .status") == ["1 to 12 of 31 groups"]
        assert len(many.texts("#groups .sheet > li")) == 12
        many.run("document.querySelector('[data-go=last]').click()")
        assert many.texts("#groups .status") == ["25 to 31 of 31 groups"]
        disabled = many.texts("#groups .pager:first-of-type button:disabled")
        assert disabled == ["Next", "Last"]

    @pytest.mark.slow
    def test_by_keyboard(self, many):
        many.run("document.querySelector('[name=clear]').focus()")
        many.press("Tab")  # First and Previous are disabled.
        assert many.run("document.activeElement.textContent") == "Next"
        many.press("Enter", "\r")
        assert many.texts("#groups .status") == ["13 to 24 of 31 groups"]
        assert many.run("document.activeElement.className") == "sheet"

    @pytest.mark.slow
    def test_filters_lead_back_to_the_first_page(self, many):
        many.run("document.querySelector('[data-go=last]').click()")
        many.set("[name=order]", "small")
        assert many.texts("#groups .status") == ["1 to 12 of 31 groups"]
        many.set("[name=find]", "p00")
        assert many.texts("#groups .status") == ["1 to 5 of 5 groups"]
        visible = many.run("document.querySelector('#groups .pager').checkVisibility()")
        assert not visible

    @pytest.mark.slow
    def test_large_groups_are_shown_in_part(self, many):
        many.set("[name=order]", "large")
        first = "#groups .sheet > li:first-child"
        assert len(many.texts(f"{first} .card")) == 24
        many.run(f"document.querySelector('{first} button:last-child').click()")
        assert len(many.texts(f"{first} .card")) == 30

    @pytest.mark.slow
    def test_on_a_phone_in_the_dark(self, page, opened):
        browser = opened(page(styles=STYLES), width=360, height=740, dark=True)
        color = browser.run("getComputedStyle(document.body).backgroundColor")
        assert color == "rgb(21, 23, 26)"
