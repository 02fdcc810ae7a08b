"""The server of the page of questions: who is let in, and what is said."""

import io
import json
import re
import threading
from pathlib import Path

import numpy as np
import pytest
from fake_review import FakeReview, ask_about_all, draw_products, question
from PIL import Image

from cv_tf.answers import AnswerStore
from cv_tf.reviewing import Products, create_app
from cv_tf.reviewing.guard import Guard, names_of_host
from cv_tf.reviewing.messages import MOST_BYTES

TOKEN = "a-token-of-some-length-Z"
EVIL = "</script><script>document.title = 'broken'</script><b id=evil>"
HOST = "127.0.0.1:8770"
PAGE = {"Host": HOST}
SAID = PAGE | {"Origin": f"http://{HOST}", "X-Token": TOKEN}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Ids, photos and columns of products; one id is markup, three have no photo."""
    folder = tmp_path_factory.mktemp("photos")
    ids, photos, columns = draw_products(folder)
    (folder / "text.jpg").write_text("This is not a photo.")
    (folder / "cut.jpg").write_bytes((folder / "00.jpg").read_bytes()[:900])
    ids += [EVIL, "../../etc/passwd", "cut", "text"]
    photos += [photos[0], str(folder / "gone.jpg"), str(folder / "cut.jpg")]
    photos += [str(folder / "text.jpg")]
    columns = {name: [*of, EVIL, "", "", ""] for name, of in columns.items()}
    return ids, photos, columns, folder


@pytest.fixture
def review(drawn, tmp_path):
    ids, *_ = drawn
    asked = [question("pair", [EVIL], ids[:1]), *ask_about_all(ids)]
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        yield FakeReview(store, asked)


@pytest.fixture
def app(review, drawn):
    return create_app(review, Products(*drawn[:3]), TOKEN, store_name="name")


@pytest.fixture
def client(app):
    """A browser that has opened the address."""
    client = app.test_client()
    assert client.get(f"/?token={TOKEN}", headers=PAGE).status_code == 200
    return client


def _say(client, what, headers=SAID, **message):
    return client.post(f"/api/{what}", json={"by": "Ann"} | message, headers=headers)


ANSWER = {"kind": "pair", "inside": ["p00"], "outside": ["p01"], "sets": [0, 0]}


class TestWhoIsLetIn:
    def test_the_token_becomes_a_cookie_that_scripts_do_not_see(self, app):
        answer = app.test_client().get(f"/?token={TOKEN}", headers=PAGE)
        cookie = answer.headers["Set-Cookie"]
        assert "; HttpOnly;" in cookie
        assert cookie.endswith("SameSite=Strict")
        assert "X-Token" not in answer.headers

    @pytest.mark.parametrize("path", ["/", "/groups", "/photo?product=p00", "/x"])
    @pytest.mark.parametrize("token", ["", "?", "wrong", TOKEN[:-1], f"{TOKEN}é"])
    def test_nothing_is_shown_without_it(self, app, path, token):
        client = app.test_client()
        client.set_cookie(Guard(TOKEN, ()).cookie, token, domain="127.0.0.1")
        answer = client.get(path, headers=PAGE)
        assert answer.status_code == 403
        assert answer.text.startswith("Open the address")
        assert "Set-Cookie" not in answer.headers

    @pytest.mark.parametrize(
        "host",
        ["evil.example", "evil.example:8770", "127.0.0.1.evil.example", "", "[", "a@b"],
    )
    def test_a_name_that_leads_here_is_told(self, client, host):
        for path in ("/", f"/?token={TOKEN}"):
            answer = client.get(path, headers={"Host": host})
            assert answer.status_code in (400, 421)
            assert "Set-Cookie" not in answer.headers

    @pytest.mark.parametrize("host", [HOST, "Localhost:9000", "[::1]:80", "localhost"])
    def test_this_machine_has_several_names(self, app, host):
        answer = app.test_client().get(f"/?token={TOKEN}", headers={"Host": host})
        assert answer.status_code == 200

    def test_a_server_for_others_is_called_by_addresses(self, review):
        app = create_app(review, Products([], [], {}), TOKEN, host="0.0.0.0")
        for host, status in (("192.168.1.7:8770", 200), ("evil.example", 421)):
            answer = app.test_client().get(f"/?token={TOKEN}", headers={"Host": host})
            assert answer.status_code == status
        assert names_of_host("::1") == names_of_host("127.0.0.1")

    @pytest.mark.parametrize(
        "headers",
        [
            PAGE,
            SAID | {"Origin": "https://evil.example"},
            SAID | {"Origin": "null"},
            SAID | {"Origin": ""},
            SAID | {"Origin": "http://127.0.0.1:1"},
            SAID | {"X-Token": ""},
            SAID | {"X-Token": "wrong"},
            SAID | {"X-Token": "é"},
            SAID | {"Host": "evil.example", "Origin": "http://evil.example"},
        ],
    )
    def test_other_sites_say_nothing(self, client, review, headers):
        for what in ("answer", "undo", "ask"):
            assert _say(client, what, headers, **ANSWER).status_code in (403, 421)
        assert review.store.answers() == []

    def test_a_form_of_another_site_says_nothing(self, client, review):
        message = json.dumps(ANSWER | {"by": "Ann"})
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            answer = client.post(
                "/api/answer", data=message, headers=SAID, content_type=kind
            )
            assert answer.status_code == 415
        assert client.get("/api/answer", headers=SAID).status_code == 405
        assert review.store.answers() == []

    def test_every_answer_has_the_headers(self, client):
        answers = [client.get(path, headers=PAGE) for path in ("/", "/x", "/groups")]
        answers += [client.get("/photo?product=p00", headers=PAGE)]
        answers += [_say(client, "ask"), _say(client, "ask", PAGE)]
        for answer in answers:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; ")
            assert "frame-ancestors 'none'" in policy

    def test_the_page_runs_its_own_scripts_only(self, client):
        answer = client.get("/", headers=PAGE)
        policy = answer.headers["Content-Security-Policy"]
        script = re.search(r"script-src '(sha256-[^']+)'", policy)[1]
        assert f"script-src '{script}'" in answer.text
        assert "unsafe-eval" not in policy


class TestPhotos:
    @pytest.mark.parametrize("side", [480, 1600])
    def test_encoded_anew(self, client, drawn, side):
        answer = client.get(f"/photo?product=p04&side={side}", headers=PAGE)
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
        shown = Image.open(io.BytesIO(answer.data))
        assert shown.size == (240, 320)
        assert answer.data != Path(drawn[1][4]).read_bytes()
        with Image.open(drawn[1][4]) as photo:
            difference = np.asarray(photo, int) - np.asarray(shown, int)
        assert np.abs(difference).mean() < 3
        # The second time it comes from memory.
        again = client.get(f"/photo?product=p04&side={side}", headers=PAGE)
        assert again.data == answer.data

    def test_without_metadata(self, review, tmp_path):
        exif = Image.Exif()
        exif[0x010E] = "where I live"
        photo = Image.new("RGB", (3000, 2000), "navy")
        photo.save(tmp_path / "a.jpg", exif=exif, comment=b"secret")
        products = Products(["a"], [str(tmp_path / "a.jpg")], {})
        client = create_app(review, products, TOKEN).test_client()
        path = f"/photo?product=a&side=1600&token={TOKEN}"
        content = client.get(path, headers=PAGE).data
        assert b"where I live" not in content
        assert b"secret" not in content
        assert Image.open(io.BytesIO(content)).size == (1600, 1067)

    @pytest.mark.parametrize(
        ("product", "reason"),
        [
            ("../../etc/passwd", "No photo: the file is missing"),
            ("text", "No photo: "),
            ("cut", "No photo: damaged or truncated"),
            ("nobody", "There is no such product."),
            ("/etc/passwd", "There is no such product."),
            ("", "There is no such product."),
            ("..", "There is no such product."),
        ],
    )
    def test_none_is_said_with_the_reason_and_without_a_path(
        self, client, drawn, product, reason
    ):
        query = {"product": product}
        answer = client.get("/photo", query_string=query, headers=PAGE)
        assert (answer.status_code, answer.mimetype) == (404, "text/plain")
        assert answer.text.startswith(reason)
        assert str(drawn[3]) not in answer.text

    @pytest.mark.parametrize("side", ["1", "100000", "-1"])
    def test_other_sizes_are_refused(self, client, side):
        answer = client.get(f"/photo?product=p00&side={side}", headers=PAGE)
        assert answer.status_code == 400

    def test_ids_may_be_anything(self, client):
        answer = client.get("/photo", query_string={"product": EVIL}, headers=PAGE)
        assert answer.status_code == 200


class TestQuestions:
    def test_have_what_is_known_of_their_products(self, client):
        said = _say(client, "ask", kind="line-up").json
        assert said["columns"] == ["title", "color", "category", "price"]
        assert said["question"] == {
            "kind": "line-up",
            "inside": ["p00"],
            "outside": ["p01", "p02", "p03", "p04", "p05"],
            "sets": [0, -1, -1, -1, -1, -1],
            "stratum": "",
            "facts": [
                ["Shirt 0", "crimson", "Shirts", "19.99"],
                ["Shirt 0", "navy", "Shirts", "19.99"],
                ["Shirt 0", "seagreen", "Shirts", "19.99"],
                ["Shirt 1", "crimson", "Shirts", "20.99"],
                ["Shirt 1", "navy", "Shirts", "20.99"],
                ["Shirt 1", "seagreen", "Shirts", "20.99"],
            ],
        }
        assert said["progress"]["left"] == 37

    def test_about_a_product(self, client):
        said = _say(client, "ask", about="p03").json
        assert said["question"]["inside"][-1] == "p03"
        assert _say(client, "ask", about="nobody").status_code == 404
        assert _say(client, "ask", about=EVIL).json["question"]["inside"] == [EVIL]

    def test_nothing_left(self, client, review):
        review._questions = []
        assert _say(client, "ask").json["question"] is None


class TestAnswers:
    def test_are_saved_as_they_were_said(self, client, review):
        message = ANSWER | {"seconds": 2.346, "stratum": "near", "by": " Ann "}
        message |= {"kind": "group", "inside": ["p00", "p01"], "outside": [EVIL]}
        answer = _say(client, "answer", **message | {"sets": [0, 1, None]})
        assert answer.json["number"] == 1
        assert answer.json["progress"]["by_you"] == 1
        (saved,) = review.store.answers()
        assert (saved.kind, saved.by, saved.stratum) == ("group", "Ann", "near")
        assert (saved.inside, saved.outside) == (("p00", "p01"), (EVIL,))
        assert (saved.sets, saved.seconds) == ((0, 1, None), 2.35)

    @pytest.mark.parametrize("text", ["[" * 100_000, '{"by":' * 100_000, "{", "7", ""])
    def test_that_are_no_message_are_refused(self, client, review, text):
        headers = SAID | {"Content-Type": "application/json"}
        answer = client.post("/api/answer", data=text, headers=headers)
        assert answer.status_code == 400
        assert not review.store.answers()

    def test_are_taken_back_by_the_person_alone(self, client):
        _say(client, "answer", **ANSWER, stratum="near")
        assert _say(client, "undo", by="Bob").json["question"] is None
        undone = _say(client, "undo").json
        assert undone["question"]["sets"] == [0, 0]
        assert undone["question"]["stratum"] == "near"
        assert undone["progress"]["answers"] == 0
        assert _say(client, "undo").json["question"] is None

    def test_that_come_twice_count_once(self, client, review):
        numbers = [
            _say(client, "answer", **ANSWER, key=key).json["number"]
            for key in ("a", "a", "b", "a")
        ]
        assert numbers == [1, 1, 2, 1]
        assert len(review.store.answers()) == 2

    def test_that_are_not_saved_are_said_to_be_so(self, client, review):
        review.is_full = True
        answer = _say(client, "answer", **ANSWER, key="a")
        assert answer.status_code == 503
        assert answer.json["error"].startswith("The answer could not be saved.")
        assert "/secret" not in answer.text
        review.is_full = False
        assert _say(client, "answer", **ANSWER, key="a").json["number"] == 1

    @pytest.mark.parametrize(
        "wrong",
        [
            {"kind": "pear"},
            {"kind": None},
            {"inside": []},
            {"inside": "p00"},
            {"inside": [1]},
            {"inside": ["nobody"]},
            {"inside": ["/etc/passwd"]},
            {"outside": ["p00"]},
            {"outside": []},
            {"sets": [0]},
            {"sets": [0, 0, 0]},
            {"sets": [0, -2]},
            {"sets": [0, 10**9]},
            {"sets": [0, 0.5]},
            {"sets": [0, True]},
            {"sets": [0, "0"]},
            {"sets": None},
            {"seconds": -1},
            {"seconds": "2"},
            {"seconds": float("nan")},
            {"by": ""},
            {"by": "a\nb"},
            {"by": "a" * 61},
            {"by": 1},
            {"stratum": 1},
            {"key": ["a"]},
        ],
    )
    def test_that_the_page_would_not_send_are_refused(self, client, review, wrong):
        answer = _say(client, "answer", **ANSWER | wrong)
        assert answer.status_code == 400
        assert answer.json["error"]
        assert review.store.answers() == []

    @pytest.mark.parametrize("content", ["", "{", "[]", "1", "[" * 100_000, "\xff"])
    def test_that_are_no_messages_are_refused(self, client, content):
        for what in ("answer", "undo", "ask"):
            answer = client.post(
                f"/api/{what}",
                data=content,
                headers=SAID,
                content_type="application/json",
            )
            assert answer.status_code in (400, 500)
            assert "Traceback" not in answer.text

    def test_of_any_size_are_not_read(self, client):
        answer = _say(client, "answer", **ANSWER, key="a" * MOST_BYTES)
        assert answer.status_code == 413

    def test_of_two_threads_are_all_there(self, app, review):
        def say(by):
            client = app.test_client()
            client.get(f"/?token={TOKEN}", headers=PAGE)
            for _ in range(10):
                assert _say(client, "answer", **ANSWER, by=by).status_code == 200

        threads = [threading.Thread(target=say, args=(by,)) for by in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(review.store.answers()) == 30

    def test_a_bug_is_told_in_the_terminal_alone(self, client, review, caplog):
        review.progress = lambda by: {}["/secret/path"]
        answer = _say(client, "ask")
        assert answer.status_code == 500
        assert answer.json == {"error": "The server has failed. Its terminal says why."}


class TestPageOfGroups:
    @pytest.fixture
    def show(self, review, drawn):
        def show(path):
            app = create_app(review, Products(*drawn[:3]), TOKEN, groups_page=path)
            return app.test_client().get(f"/groups?token={TOKEN}", headers=PAGE)

        return show

    def test_has_buttons_where_it_is_served(self, show, group_page):
        file = group_page.read_text()
        answer = show(group_page)
        assert answer.status_code == 200
        assert answer.text == file.replace("<body>", "<body data-review>", 1)
        script = re.search(r"script-src '(sha256-[^']+)'", file)[1]
        assert f"'{script}'" in answer.headers["Content-Security-Policy"]

    def test_no_other_page_is_shown(self, show, tmp_path):
        path = tmp_path / "other.html"
        path.write_text("<body><script>alert(1)</script>")
        assert "no page of groups of this version" in show(path).text
        assert show(path).status_code == 404
        gone = show(tmp_path / "gone.html")
        assert (gone.status_code, str(tmp_path) in gone.text) == (404, False)
        assert "--page=groups.html" in show(None).text
