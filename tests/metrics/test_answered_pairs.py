"""Figures of groups, from what people said of pairs of products."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv_tf import evaluate
from cv_tf.answers import Answer, AnswersError, AnswerStore, Said
from cv_tf.config import ConfigError
from cv_tf.evaluate import EvaluateConfig, settings_of
from cv_tf.grouping import Answers, GroupsError
from cv_tf.metrics import StoredGroups, answered_figures, format_answered, pair_figures

FIGURES = ("pairwise_precision", "pairwise_recall", "pairwise_f1")


def answers_of(*pairs):
    first, second, same = zip(*pairs, strict=True)
    return Answers(np.array(first), np.array(second), np.array(same, bool))


def wilson(share, number):
    added = 1.96**2 / number
    half = np.sqrt(added * (share * (1 - share) + added / 4))
    return [(share + added / 2 + sign * half) / (1 + added) for sign in (-1, 1)]


class TestPairs:
    def test_by_hand(self):
        """Groups 0 1 2 | 3 4 | 5: of 3 grouped pairs 2 are right, of 4 same 2 found."""
        answers = answers_of(
            (0, 1, 1), (1, 2, 0), (3, 4, 1), (0, 3, 0), (2, 5, 1), (3, 5, 1)
        )
        figures = pair_figures(answers, np.array([0, 0, 0, 1, 1, 2]))
        estimates = [figures[name]["estimate"] for name in FIGURES]
        assert estimates == pytest.approx([2 / 3, 2 / 4, 4 / 7])
        assert figures["num_answers"] == 6
        assert figures["num_same"] == 4
        assert figures["num_grouped"] == 3

    def test_of_nothing_has_no_figure(self):
        none_grouped = pair_figures(answers_of((0, 1, 1)), np.array([0, 1]))
        assert "pairwise_precision" not in none_grouped
        assert none_grouped["pairwise_recall"]["estimate"] == 0
        none_same = pair_figures(answers_of((0, 1, 0)), np.array([0, 0]))
        assert "pairwise_recall" not in none_same
        assert none_same["pairwise_precision"]["estimate"] == 0
        neither = pair_figures(answers_of((0, 1, 0)), np.array([0, 1]))
        assert not set(FIGURES) & set(neither)

    def test_of_products_that_have_nothing_in_common_are_independent(self):
        """80 of 100 pairs of two products each: Wilson's interval of 100 trials."""
        pairs = [(2 * it, 2 * it + 1, it < 80) for it in range(100)]
        figures = pair_figures(answers_of(*pairs), np.arange(200) // 2)
        precision = figures["pairwise_precision"]
        assert [precision["low"], precision["high"]] == pytest.approx(wilson(0.8, 100))

    def test_all_right_is_not_certain(self):
        pairs = [(2 * it, 2 * it + 1, True) for it in range(30)]
        figures = pair_figures(answers_of(*pairs), np.arange(60) // 2)
        for name in FIGURES:
            assert figures[name]["estimate"] == figures[name]["high"] == 1
            assert figures[name]["low"] == pytest.approx(wilson(1, 30)[0])

    def test_all_of_one_design_tell_as_much_as_one(self):
        """45 pairs of ten products."""
        first, second = np.triu_indices(10, 1)
        answers = Answers(first, second, np.ones(45, bool))
        precision = pair_figures(answers, np.zeros(10, int))["pairwise_precision"]
        assert precision["low"] == pytest.approx(wilson(1, 1)[0])

    def test_of_one_product_depend_on_each_other(self):
        """A product that is wrongly in a group is wrong with each of its products."""
        apart = [(2 * it, 2 * it + 1, it >= 8) for it in range(40)]
        groups = np.arange(80) // 2
        one = [(0, 100 + it, False) for it in range(8)] + apart[8:]
        at_once = np.concatenate([groups, np.arange(80, 200)])
        at_once[[0, *range(100, 108)]] = 999
        widths = []
        for pairs, of in ((apart, groups), (one, at_once)):
            precision = pair_figures(answers_of(*pairs), of)["pairwise_precision"]
            assert precision["estimate"] == 0.8
            widths.append(precision["high"] - precision["low"])
        assert widths[1] > 1.3 * widths[0]

    @pytest.mark.parametrize("seed", range(20))
    def test_intervals_are_around_their_figures(self, seed):
        random = np.random.default_rng(seed)
        first = random.integers(0, 30, 60)
        answers = Answers(
            first, first + random.integers(1, 9, 60), random.random(60) < 0.5
        )
        figures = pair_figures(answers, random.integers(0, 9, 40))
        for name in FIGURES:
            low, estimate, high = (
                figures[name][it] for it in ("low", "estimate", "high")
            )
            assert 0 <= low <= estimate <= high <= 1


GROUPS = StoredGroups(
    {"a": "x", "b": "x", "c": "x", "d": "y", "copy": "x"},
    None,
    "groups.csv",
    {"copy": "a", "gone": "b"},
)


class TestSaid:
    def test_is_matched_by_id_and_copies_are_one_product(self):
        said = [Said("a", "b", True, "Ann"), Said("b", "copy", False, "Bob")]
        said += [Said("a", "c", False, "Ann"), Said("a", "copy", True, "Ann")]
        figures = answered_figures(said, "answers", GROUPS)
        # Of a and b there is as much yes as no.
        assert figures["num_answers"] == 1
        assert figures["pairwise_precision"]["estimate"] == 0
        assert "kappa" not in figures

    def test_of_two_people_has_an_agreement(self):
        said = [
            Said(*pair, same, by)
            for pair, same in (("ab", True), ("ad", False))
            for by in ("Ann", "Bob")
        ]
        figures = answered_figures(said, "answers", GROUPS)
        assert (figures["kappa"], figures["num_answered_twice"]) == (1, 2)
        text = format_answered(figures)
        assert "agreement of people (kappa)" in text

    def test_of_other_products(self):
        with pytest.raises(GroupsError, match=r"no pair .* is in groups\.csv"):
            answered_figures([Said("p", "q", True)], "answers", GROUPS)

    def test_as_text(self):
        figures = answered_figures([Said("a", "b", True)], "answers", GROUPS)
        lines = [line.split() for line in format_answered(figures).splitlines()]
        low = f"{wilson(1, 1)[0]:.3f}"
        assert lines[0] == ["of", "the", "answered", "pairs", "95%", "interval"]
        assert lines[1] == ["pairwise", "precision", "1.000", low, "to", "1.000"]
        assert ["grouped", "together", "1"] in lines


class TestVerb:
    @pytest.fixture
    def files(self, tmp_path):
        degrees = np.radians([0, 3, 90, 94, 200])
        table = {
            "product_id": list("abcde"),
            "embedding": list(np.stack([np.cos(degrees), np.sin(degrees)], 1)),
        }
        pq.write_table(pa.table(table), tmp_path / "some.parquet")
        rows = ["product_id,group_id", *(f"{it},x" for it in "abc"), "d,y", "e,e"]
        (tmp_path / "groups.csv").write_text("\n".join(rows))
        (tmp_path / "labels.csv").write_text("product_id,style_id\na,A\nb,A\nc,C\n")
        with AnswerStore(tmp_path / "a.sqlite") as store:
            store.add(Answer("pair", ("a",), ("b",), (0, 0), "Ann"))
        (tmp_path / "a.csv").write_text("product_a,product_b,same\na,c,no\nc,d,yes\n")
        return tmp_path

    def test_groups_by_answers_alone(self, files, run_verb):
        output = files / "figures.json"
        done = run_verb(
            "evaluate",
            f"--groups={files}/groups.csv",
            f"--answers={files}/a.sqlite,{files}/a.csv",
            f"--output={output}",
            tensorflow=False,
        )
        assert done.returncode == 0, done.stderr
        figures = json.loads(output.read_text())
        assert set(figures) == {"answers"}
        assert figures["answers"]["pairwise_precision"]["estimate"] == 0.5
        assert figures["answers"]["pairwise_recall"]["estimate"] == 0.5
        assert figures["answers"]["num_answers"] == 3
        assert "no random sample" in done.stdout
        assert f"The groups are those of {files}/groups.csv" in done.stdout

    def test_vectors_by_answers_and_labels(self, files, capsys):
        flags = [f"--embeddings={files}/some.parquet", "--threshold=0.9"]
        answers = f"--answers={files}/a.csv"
        figures = evaluate.run(settings_of(["evaluate", *flags, answers]))
        assert figures["threshold"] == 0.9
        assert figures["answers"]["pairwise_precision"]["estimate"] == 1
        labels = f"--labels={files}/labels.csv"
        both = evaluate.run(settings_of(["evaluate", *flags, answers, labels]))
        alone = evaluate.run(settings_of(["evaluate", *flags, labels]))
        assert both["answers"] == figures["answers"]
        assert {name: both[name] for name in alone} == alone
        capsys.readouterr()

    def test_what_cannot_be_used(self, files):
        groups = f"--groups={files}/groups.csv"
        with pytest.raises(ConfigError, match="no such file"):
            evaluate.run(settings_of(["", groups, f"--answers={files}/none.csv"]))
        with pytest.raises(AnswersError, match="no column 'product_a'"):
            evaluate.run(settings_of(["", groups, f"--answers={files}/labels.csv"]))

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            ({}, "--answers are for stored vectors or groups"),
            ({"workdir": "a"}, "--answers are for stored vectors or groups"),
            ({"groups": "a", "catalog": "b"}, "--catalog is for"),
            ({"embeddings": "a", "page": "b.html"}, "so it needs --labels"),
        ],
    )
    def test_flags_that_do_not_go_together(self, flags, message):
        with pytest.raises(ConfigError, match=message):
            EvaluateConfig(**flags, answers=("a.csv",))
