"""Files of results: what they hold, what is refused, and the tables of them."""

import json

import numpy as np
import pytest

from cv_tf.benchmarking import (
    BenchmarkError,
    BenchmarkParts,
    BenchmarkResults,
    benchmark_of,
    combine,
    format_systems,
    markdown_tables,
    parts_of,
    read_results,
)
from cv_tf.catalog import Catalog
from cv_tf.datasets.variants_benchmark import split_of_article


def system(name, recall=0.5):
    figure = {"value": recall, "low": recall - 0.02, "high": recall + 0.04}
    names = ("recall_at_1_in_block", "map_at_r_in_block_as_searched")
    retrieval = {"validation": dict.fromkeys(names, figure), "all": {}}
    groups = {"train_labels": {"threshold": 0.7, "fms": figure}}
    return {"name": name, "made_by": {}, "retrieval": retrieval, "groups": groups}


def results(*systems, **changed):
    about = {"dataset": "bags", "protocol": 1, "comparable": True, "missing": None}
    about |= {"counts": {"train": {"products": 3}}, "num_queries": 2}
    return BenchmarkResults(about | changed, systems)


def whole_benchmark():
    """All articles of the public benchmark, in one block."""
    splits = split_of_article()
    catalog = Catalog(
        name="variants",
        product_id=np.array(list(splits), object),
        image=np.full(len(splits), "", object),
        style=np.array([int(article[:7]) for article in splits], np.int32),
        block=np.zeros(len(splits), np.int32),
        block_names=("Bag",),
        split=np.array(list(splits.values()), object),
        color=None,
        box=None,
        line=np.arange(len(splits), dtype=np.int32),
    )
    return parts_of(catalog, "train", "validation")


def test_the_whole_benchmark_is_comparable_unless_its_blocks_are_changed():
    benchmark, found = benchmark_of(whole_benchmark())
    assert benchmark["comparable"]
    assert found is not None
    assert benchmark["missing"] == {"train": 0, "validation": 0}
    assert benchmark["num_queries"] == 1218
    assert not benchmark_of(whole_benchmark(), is_standard=False)[0]["comparable"]


def test_one_missing_article_is_enough_not_to_be_comparable():
    parts = whole_benchmark()
    rest = np.arange(len(parts.is_known)) != 6000
    fewer = BenchmarkParts(parts.catalog.select(rest), parts.is_known[rest])
    benchmark, _ = benchmark_of(fewer)
    assert not benchmark["comparable"]
    assert sum(benchmark["missing"].values()) == 1


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / "results.json"
    written = results(system("a"), system("b"))
    path.write_text(json.dumps(written.to_json()))
    assert read_results(path) == written


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda it: it.update(format="other"), "its format is 'other'"),
        (lambda it: it.update(format_version=2), "is of format 2; this version of"),
        (lambda it: it["benchmark"].pop("missing"), "KeyError|missing"),
        (lambda it: it.pop("benchmark"), "KeyError 'benchmark'"),
        (lambda it: it["benchmark"].pop("counts"), "KeyError 'counts'"),
        (lambda it: it["systems"].append("x"), "cannot be read as results"),
        (lambda it: it["systems"][0].pop("made_by"), "KeyError 'made_by'"),
        (
            lambda it: it["systems"][0]["groups"]["train_labels"].update(
                fms={"value": 1}
            ),
            "KeyError 'low'",
        ),
        (
            lambda it: it["systems"][0]["groups"]["train_labels"].update(
                threshold=float("nan")
            ),
            "threshold is nan; expected",
        ),
        *(
            (
                lambda it, figure=figure: it["systems"][0]["retrieval"]["all"].update(
                    recall_at_1=figure
                ),
                message,
            )
            for figure, message in [
                ({"value": 57, "low": 0.1, "high": 0.9}, "value is 57; expected 0 to"),
                ({"value": 0.2, "low": 0.3, "high": 0.9}, "is not within 0.3 to 0.9"),
                ({"value": "1", "low": 0, "high": 1}, "value is a str, not a number"),
                ({"value": 10**400, "low": 0, "high": 1}, "cannot be read as results"),
            ]
        ),
    ],
)
def test_what_is_damaged_is_told(change, message, tmp_path):
    path = tmp_path / "results.json"
    found = json.loads(json.dumps(results(system("a")).to_json()))
    change(found)
    path.write_text(json.dumps(found))
    with pytest.raises(BenchmarkError, match=message):
        read_results(path)


def test_half_a_file_is_told(tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results(system("a")).to_json())[:50])
    with pytest.raises(BenchmarkError, match="Make it again with python"):
        read_results(path)


class TestCombine:
    def test_systems_are_in_order(self):
        both = combine([results(system("a"), system("b")), results(system("c"))])
        assert [it["name"] for it in both.systems] == ["a", "b", "c"]

    def test_where_the_data_lie_does_not_matter(self):
        first, second = results(system("a")), results(system("b"), dataset="elsewhere")
        assert combine([first, second]).benchmark["dataset"] == "bags"

    @pytest.mark.parametrize(
        "changed",
        [
            {"protocol": 2},
            {"comparable": False},
            {"counts": {"train": {"products": 4}}},
            {"num_queries": 3},
        ],
    )
    def test_other_benchmarks_are_refused(self, changed):
        first, second = results(system("a")), results(system("b"), **changed)
        (name,) = changed
        with pytest.raises(BenchmarkError, match=f"'{name}' is .* of a, and .* of b"):
            combine([first, second])

    def test_other_products_in_equal_numbers_are_refused(self):
        first = results(system("a"), products_sha256="1")
        with pytest.raises(BenchmarkError, match="'products_sha256' is 1 of a, and 2 "):
            combine([first, results(system("b"), products_sha256="2")])
        # Results of before have none.
        assert len(combine([first, results(system("b"))]).systems) == 2

    def test_two_systems_of_one_name_are_refused(self):
        with pytest.raises(BenchmarkError, match="Two systems are called 'a'"):
            combine([results(system("a")), results(system("a"))])


class TestTables:
    def test_a_column_a_system_in_a_terminal(self):
        lines = format_systems([system("mine"), system("theirs", 0.25)]).splitlines()
        assert lines[0].split() == ["mine", "theirs"]
        assert lines[1].split("  ")[0] == "R@1 in block, among validation"
        assert lines[1].endswith("0.500 ± 0.030  0.250 ± 0.030")
        assert len(lines) == 17
        assert lines[2].split()[-2:] == ["-", "-"]
        assert lines[10].startswith("mAP@R in block as searched, among validation  0.5")

    def test_a_row_a_system_on_a_page(self):
        systems = [system("theirs", 0.25), system("a|b <i>*c*</i> [d](e) `f`")]
        by_vectors, in_use = markdown_tables(systems)
        head, rule, first, second = by_vectors.splitlines()
        assert head.count("|") == rule.count("|") == second.count("|") == 10
        assert head.startswith("| system | R@1 in block, among validation | mAP@R in")
        name = r"a\|b \<i\>\*c\*\</i\> \[d\](e) \`f\`"
        assert first.startswith(f"| {name} | 0.500 ± 0.030 | - |")
        assert second.startswith("| theirs | 0.250 ± 0.030 | - |")
        head, rule, first, second = in_use.splitlines()
        assert head.count("|") == rule.count("|") == second.count("|") == 10
        assert head.endswith("| FMS, threshold from train | F1, threshold from train |")
        assert first.startswith(f"| {name} | - | 0.500 ± 0.030 | - |")
        assert second.endswith("| 0.250 ± 0.030 | - |")


@pytest.mark.parametrize("name", ["", " ", "two\nlines", "\x1b[31mred", "x" * 81])
def test_names_that_do_not_fit_into_a_table_are_refused(name, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results(system(name)).to_json()))
    with pytest.raises(BenchmarkError, match="cannot be the name of a system") as told:
        read_results(path)
    assert f"'{path}' cannot be used: " in str(told.value)
    assert str(told.value).isprintable()
