from html.parser import HTMLParser

import jinja2
import pytest
from PIL import Image

from cv_tf.report import Neighbor, Product, SearchResult, write_neighbors_page
from cv_tf.report.page import write_page

VOID = ("meta", "link", "img")
HEADINGS = ("title", "h1", "h2", "h3", "dd", "p", "a")


class Page(HTMLParser):
    """A page's elements, and the text of some of them.

    Attributes:
      elements: (tag, attributes), in their order.
      texts: Tag to the texts in it, in their order.
      open: Elements that are not closed.
    """

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.texts = {tag: [] for tag in HEADINGS}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag in HEADINGS:
            self.texts[tag].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        for tag in self.open:
            if tag in HEADINGS:
                self.texts[tag][-1] += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (300, 600), "navy").save(path)
    return str(path)


@pytest.fixture
def page(tmp_path):
    """A function from results to the page that is written of them."""

    def write(*results, note=""):
        write_neighbors_page(tmp_path / "page.html", results, note)
        page = Page((tmp_path / "page.html").read_text(encoding="utf-8"))
        assert page.open == []
        return page

    return write


@pytest.fixture
def two(photo):
    query = Product("A", photo, "Shirts", "red")
    found = (
        Neighbor(Product("B", photo, "Shirts", "navy"), 0.98765, 0.254),
        Neighbor(Product("C", "/nowhere.jpg"), -0.25),
    )
    return SearchResult(query, found), SearchResult(
        Product("", photo), (Neighbor(query, 1.0),)
    )


def test_query_first_then_its_neighbors(page, two):
    found = page(*two, note="Found among 3 products.")
    assert found.texts["title"] == ["Nearest products"]
    assert found.texts["h1"] == ["Nearest products"]
    path = two[1].query.image
    assert found.texts["h2"] == ["Nearest to A", f"Nearest to {path}"]
    assert found.texts["h3"] == ["A", "1. B", "2. C", path, "1. A"]
    first = ["red", "Shirts", "0.988", "25%", "navy", "Shirts", "-0.250"]
    assert found.texts["dd"] == [*first, "1.000", "red", "Shirts"]
    assert "Found among 3 products." in found.texts["p"]


def test_photos_lie_in_the_page(page, two):
    images = page(*two).all("img")
    names = ["A", "B", two[1].query.image, "A"]
    assert [image["alt"] for image in images] == [f"Photo of {name}" for name in names]
    assert all(image["src"].startswith("data:image/jpeg;base64,") for image in images)
    assert {(image["width"], image["height"]) for image in images} == {("80", "160")}


def test_a_missing_photo_leaves_its_reason(page, two):
    found = page(two[0])
    assert "No photo: the file is missing" in found.texts["p"]
    assert len(found.all("img")) == 2


def test_asks_nothing_of_any_server(page, two):
    found = page(*two)
    tags = {tag for tag, _ in found.elements}
    assert not tags & {"script", "iframe", "object", "embed", "form", "base"}
    (policy,) = [m for m in found.all("meta") if "http-equiv" in m]
    assert policy["content"] == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    )
    links = [a["href"] for a in found.all("a")]
    assert links == ["#search-1", "#search-2"]
    assert [link["href"] for link in found.all("link")] == ["data:,"]
    ids = [attributes.get("id") for _, attributes in found.elements]
    assert [ids.count(link[1:]) for link in links] == [1, 1]
    attributes = {name for _, given in found.elements for name in given}
    assert not any(name.startswith("on") for name in attributes)


def test_one_search_has_no_list_of_searches(page, two):
    assert page(two[0]).texts["a"] == []


def test_nothing_of_the_catalogue_is_taken_for_markup(page):
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(1)>'
    query = Product(evil, evil, evil, evil)
    found = page(
        SearchResult(query, (Neighbor(query, 0.5),)), SearchResult(query, ()), note=evil
    )
    assert {"script", "img"}.isdisjoint(tag for tag, _ in found.elements)
    assert found.texts["h3"] == [evil, f"1. {evil}", evil]
    assert found.texts["dd"].count(evil) == 6
    assert found.texts["a"] == [evil, evil]
    assert evil in found.texts["p"]


def test_alternative_texts_are_escaped(page, photo):
    evil = '" onload="alert(1)'
    found = page(SearchResult(Product(evil, photo), ()))
    assert [image["alt"] for image in found.all("img")] == [f"Photo of {evil}"]


def test_a_product_that_is_alone(page):
    found = page(SearchResult(Product("A"), ()))
    assert "There is no other product to compare it with." in found.texts["p"]
    assert found.all("ol") == found.all("dl") == []


def test_names_that_are_no_text_cost_nothing_else(page):
    name = b"caf\xe9.jpg".decode("utf-8", "surrogateescape")
    assert page(SearchResult(Product("", name), ())).texts["h3"] == ["caf?.jpg"]


def test_pages_appear_whole_or_not_at_all(tmp_path):
    (tmp_path / "page.html").write_text("old")
    with pytest.raises(jinja2.UndefinedError):
        write_page(tmp_path / "page.html", "neighbors.html.j2", results=())
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_text() == "old"
