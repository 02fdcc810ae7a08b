"""The page of an evaluation: what is in it, and what it does in a browser."""

import json

import numpy as np
import pytest

from cv_tf.catalog import read_catalog
from cv_tf.embeddings import Embeddings
from cv_tf.metrics import evaluate_embeddings
from cv_tf.report import EvaluationPageSettings, write_evaluation_page
from cv_tf.report.evaluation_page import lay_out_queries

EVIL = "</script><script>document.title = 'broken'</script><b id=evil>"


@pytest.fixture(scope="module")
def reported(drawn_catalog):
    """Drawn products with vectors that know most of the styles."""
    catalog = read_catalog(drawn_catalog)
    catalog.product_id[0] = EVIL
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((catalog.style.max() + 1, 8))[catalog.style]
    vectors = vectors + 0.6 * rng.standard_normal(vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    lab = 50 * rng.standard_normal((len(catalog), 3))
    vectors, lab = vectors.astype(np.float32), lab.astype(np.float32)
    return Embeddings.of_catalog(catalog, vectors, lab)


@pytest.fixture
def page(tmp_path, reported):
    """A function that writes the page and returns its path."""

    def write(threshold=0.5, intervals=None, **limits):
        settings = EvaluationPageSettings(**limits)
        figures = evaluate_embeddings(reported, 0.5, settings)
        figures |= {"num_products": len(reported), "threshold": threshold}
        figures |= {"intervals": intervals} if intervals else {}
        if threshold is None:
            del figures["threshold"]
        path = tmp_path / "page.html"
        title = f"The Embedder of {EVIL}"
        write_evaluation_page(path, title, figures, reported, settings)
        return path

    return write


class TestData:
    def test_queries_and_their_neighbors_failures_first(self, reported):
        laid_out = lay_out_queries(reported, "exact")
        query, product = laid_out.columns["query"], laid_out.columns["product"]
        assert len(query["product"]) == len(reported) == 45
        assert query["precision"] == sorted(query["precision"])
        assert query["precision"][0] < 1000 == query["precision"][-1]
        rows = laid_out.rows
        assert sorted(rows) == list(range(45))
        assert product["id"] == list(reported.product_id[rows])
        first, near = query["product"][0], query["neighbors"][0]
        vectors = reported.vectors
        similarity = vectors[rows[near]] @ vectors[rows[first]]
        assert query["similarity"][0] == np.round(1000 * similarity).tolist()
        assert {product["block"][n] for n in near} == {product["block"][first]}
        # What is seen first is numbered first, so that it has a photo.
        assert [first, *near] == list(range(7))

    def test_of_many_the_worst_are_shown(self, reported):
        laid_out = lay_out_queries(reported, "exact", most=5)
        whole = lay_out_queries(reported, "exact")
        assert laid_out.num_left_out == 40
        names, expected = (
            [of.columns["product"]["id"][n] for n in of.columns["query"]["product"][:5]]
            for of in (laid_out, whole)
        )
        assert names == expected
        assert len(laid_out.rows) == len(laid_out.columns["product"]["id"]) < 45


class TestFile:
    def test_figures_curve_and_map(self, page, read_page, reported):
        found = read_page(page())
        assert found.texts("h2") == [
            *("Figures", "Product by product", "The threshold", "Map")
        ]
        assert found.texts("th", scope="row")[:2] == ["recall@1", "recall@5"]
        assert "The harmonic mean of pairwise precision and recall." in (
            found.texts("td")
        )
        assert len(found.all("circle")) == 45
        assert f"{EVIL}, Trousers" in found.texts("title")
        assert found.texts("desc")[0].startswith("At the threshold of 0.500:")
        found.check_asks_nothing_of_any_server({"iframe", "object", "form", "base"})
        (data,) = found.texts("script", id="data")
        assert json.loads(data)["blocks"] == ["Shirts", "Trousers"]

    def test_intervals_stand_beside_the_figures(self, page, read_page):
        heads = read_page(page()).texts("th", scope="col")
        assert "95% interval" not in heads
        told = {"recall_at_1": {"low": 0.25, "high": 0.5}}
        found = read_page(page(intervals=told))
        assert "95% interval" in found.texts("th", scope="col")
        assert found.texts("td", **{"class": "number"})[1] == "0.250 to 0.500"

    def test_without_a_threshold_there_is_no_curve(self, page, read_page):
        assert "The threshold" not in read_page(page(threshold=None)).texts("h2")

    def test_says_what_it_has_left_out(self, page, read_page):
        text = " ".join(read_page(page(page_photos=5)).texts("p"))
        assert "Photos left out, of what comes last: 40." in text


class TestBrowser:
    def test_right_and_wrong_neighbors_are_marked(self, page, opened, reported):
        browser = opened(page())
        assert browser.run("document.title") == "Evaluation"
        assert browser.run("document.getElementById('evil')") is None
        assert browser.texts("#queries .status") == ["1 to 10 of 45 products"]
        first = "#queries .sheet > li:first-child"
        style = dict(zip(reported.product_id, reported.style, strict=True))
        (asked,) = browser.texts(f"{first} .asked .name")
        assert browser.texts(f"{first} h3") == [asked]
        for name in browser.texts(f"{first} .right .name"):
            assert style[name] == style[asked]
        wrong = browser.texts(f"{first} .wrong .name")
        assert wrong
        assert all(style[name] != style[asked] for name in wrong)
        marks = browser.texts(f"{first} .wrong .mark")
        assert set(marks) == {"✗ other style"}
        alts = browser.run(f"document.querySelector('{first} img').alt")
        assert alts == f"Photo of {asked}"

    @pytest.mark.slow
    def test_sorted_and_filtered(self, page, opened, reported):
        browser = opened(page())
        browser.set("[name=order]", "best")
        assert "precision 1.000" in browser.texts("#queries .quiet")[0]
        browser.set("[name=order]", "name")
        assert browser.texts("#queries h3")[0] == EVIL
        browser.set("[name=block]", "1")
        assert all("Trousers" in text for text in browser.texts("#queries .quiet"))
        browser.set("[name=outcome]", "all")
        assert all("1.000" in text for text in browser.texts("#queries .quiet"))
        browser.set("[name=outcome]", "first")
        first = browser.texts("#queries .cards li:first-child .mark")
        assert set(first) == {"✗ other style"}
        browser.run("document.querySelector('[name=clear]').click()")
        browser.set("[name=find]", "<SCRIPT>")
        assert browser.texts("#queries h3") == [EVIL]
        assert browser.errors == []

    @pytest.mark.slow
    def test_a_block_of_the_map_is_stressed(self, page, opened):
        browser = opened(page(), dark=True)
        faint = "[...document.querySelectorAll('.map .faint')].map(g=>g.dataset.block)"
        browser.set("#stressed", "Shirts")
        assert browser.run(faint) == ["Trousers"]
        browser.set("#stressed", "")
        assert browser.run(faint) == []

    @pytest.mark.slow
    def test_on_a_phone(self, page, opened):
        opened(page(), width=360, height=740)
