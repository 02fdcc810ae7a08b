"""docs/benchmarks/variants.md: its table, its fields and its flags."""

import dataclasses
import re
from pathlib import Path

import pytest

from cv_tf.benchmark import BenchmarkConfig
from cv_tf.benchmarking import PROTOCOL, markdown_tables, read_results
from cv_tf.datasets.variants_benchmark import split_of_article
from cv_tf.prepare import PrepareConfig

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "benchmarks" / "variants.md"
RESULTS = ROOT / "benchmarks" / "results"


@pytest.fixture(scope="module")
def results():
    return read_results(RESULTS / "variants.json")


def test_the_tables_are_those_of_the_stored_results(results):
    text = PAGE.read_text()
    assert all(table in text for table in markdown_tables(results.systems))


def test_the_results_are_of_the_whole_benchmark(results):
    assert results.benchmark["protocol"] == PROTOCOL
    assert results.benchmark["comparable"]
    assert results.benchmark["missing"] == {"train": 0, "validation": 0}
    counts = results.benchmark["counts"]
    numbers = [counts[split]["products"] for split in ("train", "validation")]
    assert sum(numbers) == len(split_of_article())


@pytest.mark.parametrize("name", ["train", "validation"])
def test_counts_of_the_page_are_those_of_the_results(name, results):
    column = {"train": 1, "validation": 2}[name]
    table = re.findall(r"^\| (.+) \| (.*) \| (.*) \| .* \|$", PAGE.read_text(), re.M)
    shown = {row[0].split(" (")[0]: row[column].replace(",", "") for row in table}
    counts = results.benchmark["counts"][name]
    assert shown["products"] == str(counts["products"])
    assert shown["styles"] == str(counts["styles"])
    assert shown["of two colors or more"] == str(counts["styles_of_two_or_more"])
    assert shown["blocks"] == str(counts["blocks"])
    if name == "validation":
        assert shown["queries"] == str(results.benchmark["num_queries"])


def test_every_field_is_documented(results):
    told = set(re.findall(r"\w+", PAGE.read_text().partition("## The file of res")[2]))

    def names(value):
        if isinstance(value, dict):
            return set(value).union(*map(names, value.values()))
        return set().union(*map(names, value)) if isinstance(value, list) else set()

    written = results.to_json()
    for system in written["systems"]:
        system["made_by"].pop("settings", None)  # Its names are those of flags.
    assert names(written) - told == set()


def test_flags_and_files_are_there():
    text = PAGE.read_text()
    known = {of.name for of in dataclasses.fields(BenchmarkConfig)}
    known |= {of.name for of in dataclasses.fields(PrepareConfig)}
    flags = set(re.findall(r"(?<![\w-])--(\w[\w-]*)", text))
    assert flags - known == {"flagfile", "baseline", "labels", "labels_split"}
    for link in re.findall(r"\]\(([^)]+)\)", text):
        file = PAGE.parent / link.partition("#")[0]
        assert link.startswith("http") or file.exists(), link
