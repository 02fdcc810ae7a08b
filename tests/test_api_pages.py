"""What the API documentation is checked for."""

import pytest

from docs.api.pages import Page


@pytest.fixture
def problems(tmp_path):
    """A function from the main part of a page, beside which there is another one."""

    def check(main: str) -> list[str]:
        (tmp_path / "a.html").write_text(f"<main><h1>cv_tf.a</h1>{main}</main>")
        (tmp_path / "b.html").write_text('<main><p id="there">Text.</p></main>')
        pages = {path: Page(path) for path in sorted(tmp_path.glob("*.html"))}
        ids = {path: page.ids for path, page in pages.items()}
        found = pages[tmp_path / "a.html"].problems(ids)
        return [problem.removeprefix(f"{tmp_path}/a.html: ") for problem in found]

    return check


@pytest.mark.parametrize(
    "main",
    [
        '<a href="b.html#there">cv_tf.b</a> <a href="b.html">b</a>',
        '<p id="here"><a href="#here">cv_tf.a.here</a> <br> cv_tf and cv_tf.</p>',
        '<a href="https://keras.io">keras</a>',
        '<div class="pdoc-code codehilite">cv_tf.c <a href="#L-1">1</a></div>',
    ],
)
def test_what_is_right(main, problems):
    assert problems(main) == []


@pytest.mark.parametrize(
    ("main", "message"),
    [
        ('<a href="c.html">c</a>', "'c.html' leads nowhere."),
        ('<a href="b.html#here">b</a>', "'b.html#here' leads nowhere."),
        ('<a href="#there">a</a>', "'#there' leads nowhere."),
        ("<p>As <code>cv_tf.c.D</code> is.</p>", "cv_tf.c.D is not public."),
        ("<p>cv_tf<span>.</span>c</p>", "cv_tf.c is not public."),
    ],
)
def test_what_is_wrong(main, message, problems):
    assert problems(main) == [message]
