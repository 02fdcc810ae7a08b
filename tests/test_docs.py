"""The README and the pages of docs: what they name is there."""

import re
from itertools import chain
from pathlib import Path

import pytest
from doc_pages import INDEX, ROOT, pages_in_order

import cv_tf
from docs.generated import SETTINGS, settings_class_of, topics_of

README = ROOT / "README.md"
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [README, *DOCS]

FLAGS_OF_OTHERS = {
    "flagfile": "absl",
    "help": "every verb",
    "upgrade": "pip",
    "rm": "Docker",
    "build-arg": "Docker",
    "gpus": "Docker",
    "entrypoint": "Docker",
    "model_base_path": "TensorFlow Serving",
    "logdir": "TensorBoard",
    "latency": "tests/fake_gcs.py",
    "data": "benchmarks/inversion.py",
    "runs": "benchmarks/ladder.py",
    "torch_python": "benchmarks/training.py",
}


@pytest.fixture(params=PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def page(request) -> Path:
    return request.param


def _flags(page: Path) -> set[str]:
    return set(re.findall(r"(?<![\w-])--(\w[\w-]*)", page.read_text()))


def _headings(page: Path) -> set[str]:
    """Where links into a page can lead."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    titles = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles}


def _broken(page: Path) -> list[str]:
    text = page.read_text()
    links = re.findall(r"\]\(([^)]+)\)", text)
    links += re.findall(r' (?:src|srcset)="([^"]+)"', text)
    broken = []
    for link in links:
        if link.startswith("https://"):
            continue
        file, _, place = link.partition("#")
        to = page.parent / file if file else page
        if not to.exists() or (place and place not in _headings(to)):
            broken.append(link)
    return broken


def test_links_and_pictures_lead_somewhere(page):
    assert _broken(page) == []


@pytest.mark.parametrize("link", ["b.md", "a.md#there", "#there", "a/b.png"])
def test_a_link_that_leads_nowhere_is_found(link, tmp_path):
    page = tmp_path / "a.md"
    page.write_text(f"# Here\n\n[a](a.md#here) [b]({link})\n")
    assert _broken(page) == [link]


def test_files_of_the_project_are_there(page):
    """Such as configs/hm_cvssl.cfg; recipes are also named without their folder."""
    text = page.read_text()
    files = re.findall(
        r"(?<![/(])\b(?:configs|docs|benchmarks|cv_tf|tests)/[\w/.]+\.\w+", text
    )
    files += [f"configs/{name}" for name in re.findall(r"\bhm_\w+\.cfg", text)]
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_flags_are_those_of_the_commands(page):
    topics = chain(*(topics_of(settings_class_of(v)).values() for v in SETTINGS))
    known = {field.name for fields in topics for field in fields}
    known |= {"quiet", "version"}  # Of the command line itself.
    assert _flags(page) - known - set(FLAGS_OF_OTHERS) == set()


def test_flags_of_others_are_named_somewhere():
    assert set(FLAGS_OF_OTHERS) <= set().union(*map(_flags, PAGES))


def test_every_page_is_listed():
    listed = set(pages_in_order())
    assert [page for page in DOCS if page not in listed] == []
    results = sorted((ROOT / "benchmarks" / "results").glob("*.md"))
    assert [page for page in results if page not in listed] == []


def test_the_readme_leads_to_the_documentation():
    links = re.findall(r"\]\(([^)#]+)", README.read_text())
    assert INDEX in {ROOT / link for link in links}


def test_pages_are_read_through():
    lines = {page: page.read_text().count("\n") for page in PAGES}
    assert {page: n for page, n in lines.items() if n > 300} == {}
    assert lines[README] <= 150


@pytest.mark.parametrize(
    "name", ["README.md", "CONTRIBUTING.md", "docs/guides/first_steps.md"]
)
def test_make_has_the_targets_that_are_named(name):
    named = re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / name).read_text(), re.M)
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    assert named
    assert set(named) <= set(targets)


def test_the_image_is_built_from_files_that_are_there():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = [line.split()[1:-1] for line in lines if line.startswith("COPY ")]
    assert [name for of in copied for name in of if not (ROOT / name).exists()] == []
    # What the package's metadata is read from.
    assert {"pyproject.toml", "setup.cfg", "README.md", "LICENSE"} <= set(copied[0])
    (entry,) = (line for line in lines if line.startswith("ENTRYPOINT "))
    assert entry == 'ENTRYPOINT ["python", "-m", "cv_tf.update"]'


def test_the_version_is_the_same_everywhere():
    metadata = (ROOT / "setup.cfg").read_text()
    assert "\nversion = attr: cv_tf.__version__\n" in metadata
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(), re.M)[1]
    numbered = re.findall(
        r"^## (\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert cited == numbered[0] == cv_tf.__version__
    by_number = [tuple(map(int, number.split("."))) for number in numbered]
    assert by_number == sorted(by_number, reverse=True)


def test_contributors_are_told_of_every_marker():
    told = (ROOT / "CONTRIBUTING.md").read_text()
    markers = re.findall(r'^    "(\w+): ', (ROOT / "pyproject.toml").read_text(), re.M)
    assert markers == ["integration", "slow"]
    assert all(f"| `{marker}` |" in told for marker in markers)
