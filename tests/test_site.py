"""What the site of the documentation makes from code and results."""

import dataclasses
import json
import re

import pytest
from doc_pages import ROOT

from cv_tf.settings import help_of, setting
from docs import generated
from docs.check_links import check
from docs.figures.how_good import COLORS, RESULTS, draw, with_values


@dataclasses.dataclass(kw_only=True)
class Common:
    """What verbs share, and more."""

    size: int = setting(3, "Size of a|b, as --other=x.csv has it.", minimum=1)
    ratio: float = setting(0.5, "Ratio.", minimum=0, maximum=1)


@dataclasses.dataclass(kw_only=True)
class First(Common):
    """Of the first."""

    kind: str = setting("", "Kind.", one_of=("a", "b"))
    ratio: float = setting(0.25, "Another ratio.")


@dataclasses.dataclass(kw_only=True)
class Second(Common):
    """Of the second."""

    names: tuple[str, ...] = setting(("x", "y"), "Names.")
    quick: bool = setting(True, "Quick.")


@pytest.fixture
def page(monkeypatch) -> str:
    classes = {"train": First, "embed": Second}
    monkeypatch.setattr(generated, "SETTINGS", dict.fromkeys(classes, ""))
    monkeypatch.setattr(generated, "settings_class_of", classes.get)
    return generated.settings()


def test_a_setting_is_a_row(page):
    rows = [line for line in page.splitlines() if line.startswith("| `--")]
    assert rows == [
        "| `--ratio` | `0.25` | Another ratio. |",
        "| `--kind` |  | Kind. One of: a, b. |",
        "| `--names` | `x,y` | Names. |",
        "| `--quick` | `true` | Quick. |",
        r"| `--size` | `3` | Size of a\|b, as `--other=x.csv` has it. 1 or more. |",
    ]


def test_shared_topics_stand_once_and_are_linked(page):
    assert page.count("### What verbs share, and more") == 1
    assert page.count("[what verbs share, and more](#settings-of-common)") == 2
    assert "(settings-of-common)=" in page
    assert "Of `train` and `embed`." in page
    order = ["## train", "### Of the first", "## embed", "### Of the second"]
    order += ["## Settings that verbs share", "### What verbs share, and more"]
    assert [line for line in page.splitlines() if line.startswith("#")] == order


def test_every_setting_of_every_verb_is_there():
    page = generated.settings()
    for verb in generated.SETTINGS:
        assert f"## {verb}\n" in page
        for field in dataclasses.fields(generated.settings_class_of(verb)):
            assert f"| `--{field.name}` |" in page
            assert help_of(field)
    verbs = {path.stem for path in (ROOT / "cv_tf").glob("*.py")}
    runs = {v for v in verbs if "\ndef run(" in (ROOT / f"cv_tf/{v}.py").read_text()}
    assert runs - {"command"} == set(generated.SETTINGS)


@pytest.mark.integration
def test_modules_are_linked_to_their_pages():
    page = generated.modules()
    assert (
        '| <a href="../../api/cv_tf/losses.html"><code>cv_tf.losses</code></a> |'
        in (page)
    )
    assert all(re.fullmatch(r"\| .+ \| .+ \|", row) for row in page.splitlines()[2:])


@pytest.fixture
def site(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "cv_tf.html").write_text('<p id="run">Text</p>')
    (tmp_path / "docs" / "a.cfg").write_text("--steps=1")
    return tmp_path


@pytest.mark.parametrize(
    "link", ["a.cfg", "../api/cv_tf.html#run", "#here", "index.html#here", "#"]
)
def test_links_within_the_site_are_right(link, site):
    page = site / "docs" / "index.html"
    page.write_text(f'<p id="here"><a href="{link}">a</a></p>')
    check(site)


@pytest.mark.parametrize(
    "link", ["b.cfg", "../api/cv_tf.html#walk", "#there", "../../outside.html"]
)
def test_links_that_lead_nowhere_are_told(link, site):
    (site.parent / "outside.html").write_text("<p>Text</p>")
    page = site / "docs" / "index.html"
    page.write_text(f'<p id="here"><a href="{link}">a</a></p>')
    with pytest.raises(ValueError, match=re.escape(f"'{link}' leads nowhere.")):
        check(site)


@pytest.mark.parametrize("name", COLORS)
def test_the_bars_are_those_of_the_results(name):
    results = with_values(json.loads(RESULTS.read_text()))
    path = ROOT / "docs" / "figures" / f"how_good_{name}.svg"
    assert path.read_text() == draw(results, COLORS[name])


def test_the_readme_says_what_the_bars_show():
    (alt,) = re.findall(r'<img alt="Recall[^"]+"', (ROOT / "README.md").read_text())
    for row in with_values(json.loads(RESULTS.read_text()))["rows"]:
        assert f"{row['name']} {row['value']:.3f}" in alt


def test_a_bar_is_as_long_as_its_value():
    rows = [{"name": "a & b", "value": 0.5, "low": 0.4, "high": 0.6}]
    rows += [{"name": "c", "value": 1.0, "low": None, "high": None}]
    picture = draw({"title": "T", "photos": "P", "rows": rows}, COLORS["light"])
    lengths = re.findall(r'<rect x="236" y="\d+" width="([\d.]+)"', picture)
    assert lengths == ["170.0", "340.0"]
    assert 'd="M372.0 51 H440.0 M372.0 46 v10 M440.0 46 v10"' in picture
    assert ">0.500 (0.400 to 0.600)<" in picture
    assert ">1.000<" in picture
    assert "a &amp; b" in picture
