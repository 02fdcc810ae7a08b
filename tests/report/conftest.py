"""Reads pages as a browser does."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
import pytest
from chromium import PROGRAM, Chromium
from PIL import Image
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import (
    EventMultiplexer,
)
from tensorboard.plugins.base_plugin import TBContext
from werkzeug.test import Client

VOID = ("meta", "link", "img", "input")
ACTIVE = {"script", "iframe", "object", "embed", "form", "base", "svg", "video"}
PREFIX = "data:image/jpeg;base64,"


class ReadPage(HTMLParser):
    """A page's elements, with the text in each.

    Attributes:
      elements: [tag, attributes, text], in their order.
    """

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ""])
        if tag not in VOID:
            self._open.append(self.elements[-1])

    def handle_startendtag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ""])

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        for element in self._open:
            element[2] += data

    def texts(self, tag, **attributes):
        return [
            " ".join(text.split())
            for name, given, text in self.elements
            if name == tag and attributes.items() <= given.items()
        ]

    def all(self, tag):
        return [given for name, given, _ in self.elements if name == tag]

    def pictures(self):
        """What an image shows, by its alternative text."""
        shown = {}
        for image in self.all("img"):
            assert image["src"].startswith(PREFIX)
            code = base64.b64decode(image["src"][len(PREFIX) :])
            picture = Image.open(io.BytesIO(code))
            assert (str(picture.width), str(picture.height)) == (
                image["width"],
                image["height"],
            )
            assert image["alt"] not in shown
            shown[image["alt"]] = np.asarray(picture)
        return shown

    def check_asks_nothing_of_any_server(self, active=ACTIVE):
        tags = {tag for tag, _, _ in self.elements}
        assert not tags & active
        (policy,) = [m for m in self.all("meta") if "http-equiv" in m]
        assert policy["content"].startswith("default-src 'none'; img-src data:;")
        assert [link["href"] for link in self.all("link")] == ["data:,"]
        for _, given, _ in self.elements:
            assert not any(name.startswith("on") for name in given)
            assert given.get("src", "data:").startswith("data:")
            assert "url(" not in given.get("style", "")
        assert "url(" not in " ".join(self.texts("style"))


@pytest.fixture
def read_page():
    """A function from the path of a page to its elements."""
    return lambda path: ReadPage(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """A browser, or a skip with the reason."""
    if PROGRAM is None:
        pytest.skip("Chromium is not on this machine, so no page can be opened")
    browser = Chromium(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


# What every page with a script must be: elements, and what holds for each of them.
ACCESSIBLE = {
    "input, select": "it.labels.length === 1",
    "button": "it.type === 'button' && it.textContent.trim() !== ''",
    "img": "it.alt !== ''",
    "th": "it.scope !== ''",
    "svg": "it.getAttribute('role') === 'img'",
    "table": "it.closest('[role=region]').tabIndex === 0",
    "nav": "it.ariaLabel !== null",
}


@pytest.fixture
def opened(chromium):
    """A function from a page to the browser that shows it, checked."""

    def open_page(path, **screen):
        run = chromium.open(path, **screen).run
        assert chromium.errors == []
        for tag, test in ACCESSIBLE.items():
            every = f"[...document.querySelectorAll('{tag}')].every((it) => {test})"
            assert run(every), tag
        ids = run("[...document.querySelectorAll('[id]')].map((it) => it.id)")
        assert len(ids) == len(set(ids))
        # Nothing makes the page scroll sideways.
        assert run("document.documentElement.scrollWidth <= innerWidth")
        return chromium

    return open_page


class AskTensorBoard:
    """A plugin of TensorBoard, asked without a server.

    Args:
      plugin: Its class.
      logdir: As for TensorBoard.
    """

    def __init__(self, plugin, logdir):
        self._events, self._logdir = EventMultiplexer(), str(logdir)
        provider = MultiplexerDataProvider(self._events, self._logdir)
        context = TBContext(data_provider=provider, logdir=self._logdir)
        self._apps = plugin(context).get_plugin_apps()

    def __call__(self, question, **parameters):
        """What it answers, after a look for new events."""
        self._events.AddRunsFromDirectory(self._logdir)
        self._events.Reload()
        response = Client(self._apps[question]).get("/", query_string=parameters)
        assert response.status_code == 200, response.text
        return response


@pytest.fixture
def tensorboard():
    """The class `AskTensorBoard`."""
    return AskTensorBoard
