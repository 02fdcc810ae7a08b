"""The README and docs/*.md: what they name is there."""

import dataclasses
import re
from pathlib import Path

import pytest

from cv_tf.compare import CompareConfig
from cv_tf.config import Config
from cv_tf.embed import EmbedConfig
from cv_tf.evaluate import EvaluateConfig
from cv_tf.export import ExportConfig
from cv_tf.group import GroupConfig
from cv_tf.inspect import InspectConfig
from cv_tf.prepare import PrepareConfig
from cv_tf.review import ReviewConfig
from cv_tf.search import SearchConfig
from cv_tf.update import UpdateConfig

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

SETTINGS = (Config, CompareConfig, EmbedConfig, EvaluateConfig, ExportConfig)
SETTINGS += (GroupConfig, InspectConfig, PrepareConfig, ReviewConfig, SearchConfig)
SETTINGS += (UpdateConfig,)

FLAGS_OF_OTHERS = {
    "flagfile": "absl",
    "help": "every verb",
    "upgrade": "pip",
    "rm": "Docker",
    "model_base_path": "TensorFlow Serving",
    "logdir": "TensorBoard",
    "latency": "tests/fake_gcs.py",
    "data": "benchmarks/inversion.py",
    "output": "benchmarks/drawn_catalog.py",
    "runs": "benchmarks/ladder.py",
    "torch_python": "benchmarks/training.py",
}


@pytest.fixture(params=PAGES, ids=lambda path: path.name)
def page(request) -> Path:
    return request.param


def _flags(page: Path) -> set[str]:
    return set(re.findall(r"(?<![\w-])--(\w[\w-]*)", page.read_text()))


def test_links_and_pictures_lead_somewhere(page):
    links = re.findall(r"\]\(([^)]+)\)", page.read_text())
    files = [link.split("#")[0] for link in links if not link.startswith("http")]
    assert [file for file in files if not (page.parent / file).exists()] == []


def test_files_of_the_project_are_there(page):
    """Such as configs/hm_cvssl.cfg; recipes are also named without their folder."""
    text = page.read_text()
    files = re.findall(r"\b(?:configs|docs|benchmarks|cv_tf|tests)/[\w/.]+\.\w+", text)
    files += [f"configs/{name}" for name in re.findall(r"\bhm_\w+\.cfg", text)]
    assert [file for file in files if not (ROOT / file).exists()] == []


def test_flags_are_those_of_the_commands(page):
    known = {field.name for of in SETTINGS for field in dataclasses.fields(of)}
    known |= {"quiet", "version"}  # Of the command line itself.
    assert _flags(page) - known - set(FLAGS_OF_OTHERS) == set()


def test_flags_of_others_are_named_somewhere():
    assert set(FLAGS_OF_OTHERS) <= set().union(*map(_flags, PAGES))


def test_the_readme_leads_to_every_page():
    readme = PAGES[0].read_text()
    assert [
        page.name for page in PAGES[1:] if f"(docs/{page.name})" not in readme
    ] == []


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
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


def test_contributors_are_told_of_every_marker():
    told = (ROOT / "CONTRIBUTING.md").read_text()
    markers = re.findall(r'^    "(\w+): ', (ROOT / "pyproject.toml").read_text(), re.M)
    assert markers == ["integration", "slow"]
    assert all(f"| `{marker}` |" in told for marker in markers)
