"""The page of questions in Chromium, with a server in a process of its own."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cv_tf
from cv_tf.answers import AnswerStore
from cv_tf.reviewing import Products, create_app

pytestmark = pytest.mark.integration  # Starts processes.

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if not (CHROMIUM and DRIVER):
    pytest.skip("chromium or chromedriver is not here", allow_module_level=True)

TOKEN = "a-token-of-some-length"
SCRIPT = Path(__file__).with_name("fake_review.py")
_PATIENCE = 15  # Seconds.
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")


class Server:
    """A server of drawn products, with a store that outlives it."""

    def __init__(self, folder):
        self.folder, self.port = folder, 0
        self.start()

    def start(self):
        environment = os.environ | {"PYTHONPATH": str(Path(cv_tf.__file__).parents[1])}
        self.process = subprocess.Popen(
            [sys.executable, SCRIPT, self.folder, str(self.port), TOKEN],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        address = self.process.stdout.readline().strip()
        self.port = int(address.rpartition(":")[2])
        self.address = f"{address}/?token={TOKEN}"

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def answers(self):
        with AnswerStore(Path(self.folder) / "answers.sqlite", read_only=True) as store:
            return store.answers()


class Browser:
    """One window, as somebody uses it who has a keyboard alone."""

    def __init__(self, driver):
        self.driver, self.run = driver, driver.execute_script

    def open(self, address, by):
        self.driver.get(address)
        self.driver.execute_script("localStorage.clear()")
        self.driver.get(address)
        self.driver.find_element("id", "by").send_keys(by, "\n")
        self.wait("question !== null")

    def wait(self, condition):
        end = time.monotonic() + _PATIENCE
        while not self.run(f"return {condition}"):
            assert time.monotonic() < end, (condition, self.text("body"))
            time.sleep(0.01)

    def press(self, *keys):
        # What comes within a fifth of a second was meant for the last question.
        self.wait("!isBusy")
        self.run("shownAt -= 1000")
        self.driver.find_element("tag name", "body").send_keys(*keys)

    def answer(self, *keys):
        """Presses keys, and waits until they are saved and the next question is up."""
        self.run("globalThis.answered = question")
        self.press(*keys)
        self.wait("!isBusy && question !== globalThis.answered")

    def text(self, selector):
        return self.run(f"return document.querySelector('{selector}').innerText")

    def question(self):
        return self.run("return [question.kind, question.inside, question.outside]")

    def complaints(self):
        return [it for it in self.driver.get_log("browser") if it["level"] == "SEVERE"]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(str(tmp_path_factory.mktemp("served")))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def start_browser():
    drivers = []

    def start():
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*_FLAGS, "--window-size=1280,860"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(DRIVER)
        drivers.append(webdriver.Chrome(options=options, service=service))
        return Browser(drivers[-1])

    yield start
    for driver in drivers:
        driver.quit()


@pytest.fixture(scope="module")
def browser(start_browser):
    return start_browser()


def _keys_for(kind, number):
    if kind == "pair":
        return ("y", "n", "?")[number % 3]
    return (("\n",), ("1", "\n"), ("2", "3", "\n"), ("?",))[number % 4]


def test_thirty_answers_by_keys_over_a_reload_and_a_kill(server, browser):
    browser.open(server.address, "Ann")
    assert "token" not in browser.run("return location.href")
    assert browser.complaints() == []
    said = []
    for number in range(30):
        if number == 10:
            browser.driver.refresh()
            browser.wait("question !== null && !isBusy")
        if number == 20:
            server.kill()
            browser.press("\n" if browser.question()[0] != "pair" else "y")
            browser.wait("retry !== null")
            assert "does not answer" in browser.text("#trouble")
            assert "Your answer is kept here" in browser.text("#trouble")
            assert len(server.answers()) == 20
            said.append(browser.question())
            server.start()
            browser.driver.refresh()  # What was said is sent then.
            browser.wait("question !== null && !isBusy && retry === null")
            assert len(server.answers()) == 21
            continue
        said.append(browser.question())
        browser.answer(*_keys_for(said[-1][0], number))
    answers = server.answers()
    assert len(answers) == 30
    shown = [[it.kind, list(it.inside), list(it.outside)] for it in answers]
    assert shown == said
    assert {it.by for it in answers} == {"Ann"}
    assert all(0 < it.seconds < 60 for it in answers)
    assert "30 answers, 30 by you" in browser.text("#counts")
    assert re.search(r"6 questions left, (about|less)", browser.text("#counts"))
    expected = "precision 0.91 to 0.96, recall 0.70 to 0.81 after 30 answers"
    assert expected in browser.text("#estimate")


def test_back_shows_what_was_said(server, browser):
    last = server.answers()[-1]
    browser.press("u")
    browser.wait("document.getElementById('status').innerText.includes('taken back')")
    assert browser.question() == [last.kind, list(last.inside), list(last.outside)]
    assert browser.run("return question.sets") == list(last.sets)
    assert len(server.answers()) == 29


def test_two_browsers_at_once(server, browser, start_browser):
    other = start_browser()
    other.open(server.address, "Bob")
    before = len(server.answers())
    for _ in range(3):
        for one in (browser, other):
            kind = one.question()[0]
            one.answer("y" if kind == "pair" else "\n")
    new = server.answers()[before:]
    assert sorted(it.by for it in new) == ["Ann"] * 3 + ["Bob"] * 3
    assert len({(it.kind, it.inside) for it in new}) == 6


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A function that starts a server in a thread, and gives its address."""
    import threading  # noqa: PLC0415

    import waitress  # noqa: PLC0415
    from fake_review import FakeReview, draw_products  # noqa: PLC0415

    servers = []

    def serve(server):
        with contextlib.suppress(OSError):  # It is closed while it waits.
            server.run()

    def start(questions, **options):
        folder = tmp_path_factory.mktemp("small")
        ids, photos, columns = draw_products(folder)
        ids[3], photos[4] = EVIL, str(folder / "gone.jpg")
        columns["title"][3] = EVIL
        review = FakeReview(AnswerStore(folder / "answers.sqlite"), questions(ids))
        products = Products(ids, photos, columns)
        app = create_app(review, products, TOKEN, by="Ann", **options)
        server = waitress.create_server(app, host="127.0.0.1", port=0)
        servers.append(server)
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        return review, f"http://127.0.0.1:{server.effective_port}/"

    yield start
    for server in servers:
        server.close()


EVIL = "</script><script>document.title = 'broken'</script><b id=evil>"


def _group_of_four(ids):
    from fake_review import question  # noqa: PLC0415

    return [question("group", ids[1:5], ids[5:8])]


def test_groups_are_split_by_keys(browser, small, group_page):
    review, address = small(_group_of_four, groups_page=group_page)
    browser.driver.get(f"{address}groups?token={TOKEN}")
    browser.driver.find_element("css selector", "a.ask").click()
    browser.wait("typeof question !== 'undefined' && question !== null")
    browser.driver.get(f"{address}?token={TOKEN}")
    browser.wait("question !== null && document.querySelector('.missing') !== null")
    # Ids are texts, and photos that are gone say so.
    assert browser.run("return [document.title, document.getElementById('evil')]") == [
        "Review of color variants",
        None,
    ]
    assert EVIL in browser.run("return document.body.textContent")
    assert browser.text(".missing") == "No photo: the file is missing"
    browser.wait("document.querySelectorAll('.photo img').length === 6")

    shift = "\ue008"
    browser.press("2")  # Out.
    browser.press(shift + "3")  # Another design, B.
    browser.press(shift + "4" + "4")  # C.
    browser.press("5")  # In.
    browser.press(shift + "6666")  # Beyond C and D: nobody can say.
    sets = [0, -1, 1, 2, 0, None, -1]
    assert browser.run("return question.sets") == sets
    facts = "2 belong together · 1 taken out · 1 added · 2 other designs · 1 unknown"
    assert browser.text(".sum") == facts
    browser.press("x")
    assert browser.run("return question.sets")[:4] == [0, 1, 2, 3]
    browser.press("x")
    assert browser.run("return question.sets")[:4] == [0, 0, 0, 0]
    browser.press("1")
    browser.answer("\n")
    (answer,) = review.store.answers()
    assert answer.sets == (-1, 0, 0, 0, 0, None, -1)
    assert "nothing left" in browser.text("#question")


def test_a_full_disk_loses_nothing(browser, small):
    from fake_review import question  # noqa: PLC0415

    review, address = small(lambda ids: [question("pair", ids[:1], ids[1:2])])
    browser.driver.get(f"{address}?token={TOKEN}")
    browser.wait("question !== null")
    review.is_full = True
    browser.press("y")
    browser.wait("retry !== null")
    assert "could not be saved" in browser.text("#trouble")
    browser.press("n")  # Does not count: the answer before is not saved.
    browser.press("\n")
    assert review.store.answers() == []
    review.is_full = False
    browser.press("\n")
    browser.wait("question === null && !isBusy")
    (answer,) = review.store.answers()
    assert answer.sets == (0, 0)


def test_zoom_shows_one_part_of_all_photos(browser, small):
    from fake_review import question  # noqa: PLC0415

    _, address = small(lambda ids: [question("pair", ids[:1], ids[1:2])])
    browser.driver.get(f"{address}?token={TOKEN}")
    browser.wait("document.querySelectorAll('.photo img').length === 2")
    browser.press("z")
    browser.press("\ue014")  # The right arrow.
    style = "[...document.querySelectorAll('.photo img')].map((it) => {"
    style += "const of = getComputedStyle(it); const size = it.offsetWidth;"
    style += "return [of.transform, parseFloat(of.transformOrigin) / size]})"
    (transform, place), other = browser.run(f"return {style}")
    assert transform.startswith("matrix(2.5,")
    assert place == pytest.approx(0.58, abs=0.01)
    assert other == [transform, place]
    assert browser.question()[0] == "pair"  # The arrow was no answer.


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_fits_the_screen_and_can_be_read(browser, small, width, dark):
    _, address = small(_group_of_four)
    size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.driver.get(f"{address}?token={TOKEN}")
    browser.wait("question !== null")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    page = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert (page == "rgb(21, 23, 26)") == dark
    named = "it.innerText.trim() !== '' || it.ariaLabel"
    assert browser.run(
        f"return [...document.querySelectorAll('button')].every((it) => {named} || "
        "it.checkVisibility() === false)"
    )
    # Everything that is tapped is large enough for a finger.
    sizes = browser.run(
        "return [...document.querySelectorAll('footer button, .toggle, .set')]"
        ".map((it) => it.getBoundingClientRect().height)"
    )
    assert min(sizes) >= 28


@pytest.mark.slow
def test_enter_shows_what_was_not_on_the_screen_before_it_confirms(
    tmp_path, start_browser
):
    browser, server = start_browser(), Server(str(tmp_path))
    browser.driver.set_window_size(500, 300)
    browser.open(server.address, "Eve")
    browser.wait("!isBusy")
    browser.run("element('kind').value = 'group'")
    browser.run("element('kind').dispatchEvent(new Event('change'))")
    browser.wait("!isBusy && question.kind === 'group'")
    before, asked = len(server.answers()), browser.question()
    photos = "[...document.querySelectorAll('.photo')]"
    is_seen = f"{photos}.every((it) => 'seen' in it.dataset)"
    assert not browser.run(f"return {is_seen}")
    browser.press("\n")
    assert "There is more to see" in browser.text("#status")
    assert browser.question() == asked
    assert len(server.answers()) == before
    presses = 1
    while len(server.answers()) == before and presses < 20:
        browser.press("\n")
        browser.wait("!isBusy")
        presses += 1
    assert presses > 1
    assert len(server.answers()) == before + 1
    server.kill()
