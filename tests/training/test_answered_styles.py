"""Styles to learn from, as people's answers tell them."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from cv_tf import train
from cv_tf.answers import Answer, AnswersError, AnswerStore, read_said
from cv_tf.catalog import Catalog
from cv_tf.config import Config, ConfigError
from cv_tf.errors import UserError
from cv_tf.grouping import Answers, GroupsError
from cv_tf.training.answered_styles import read_answered_styles, styles_of


def answers_of(*pairs):
    first, second, same = np.array(pairs).reshape(-1, 3).T
    return Answers(first, second, same.astype(bool))


def sets_of(styles):
    """The products of each style, and those without one."""
    rows = np.arange(len(styles))
    sets = [set(rows[styles == style].tolist()) for style in np.unique(styles)]
    return sets if -1 in styles else [set(), *sets]


class TestStyles:
    def test_of_answers_alone(self):
        """0 1 2 are linked; 3 is no 0, so one of its own; 4 5 are linked; 6 is open."""
        answers = answers_of((0, 1, 1), (1, 2, 1), (0, 3, 0), (4, 5, 1))
        styles = styles_of(np.full(7, -1), answers)
        assert styles.dtype == np.int32
        unknown, *known = sets_of(styles)
        assert unknown == {6}
        assert sorted(map(sorted, known)) == [[0, 1, 2], [3], [4, 5]]

    def test_known_ones_stay_where_nothing_is_said(self):
        unknown, *known = sets_of(
            styles_of([7, 7, -1, 2, 2, -1], answers_of((2, 5, 1)))
        )
        assert unknown == set()
        assert sorted(map(sorted, known)) == [[0, 1], [2, 5], [3, 4]]

    def test_yes_joins_known_ones_and_takes_others_in(self):
        answers = answers_of((1, 2, 1), (3, 4, 1))
        _, *known = sets_of(styles_of([0, 0, 1, 1, -1], answers))
        assert known == [{0, 1, 2, 3, 4}]

    def test_no_parts_a_known_one(self):
        """0 and 1 are said to be different, 4 belongs to 1; 2 and 3 stay together."""
        answers = answers_of((0, 1, 0), (1, 4, 1))
        _, *known = sets_of(styles_of([0, 0, 0, 0, -1], answers))
        assert sorted(map(sorted, known)) == [[0], [1, 4], [2, 3]]

    def test_no_between_two_known_ones_changes_nothing(self):
        styles = styles_of([0, 0, 1, 1], answers_of((0, 2, 0)))
        assert sorted(map(sorted, sets_of(styles)[1:])) == [[0, 1], [2, 3]]

    @pytest.mark.parametrize("seed", range(20))
    def test_agree_with_every_answer(self, seed):
        random = np.random.default_rng(seed)
        truth = random.integers(0, 6, 25)
        first = random.integers(0, 24, 30)
        second = first + 1 + random.integers(0, 24, 30) % (24 - first)
        answers = Answers(first, second, truth[first] == truth[second])
        styles = styles_of(random.integers(-1, 5, 25), answers)
        assert ((styles[first] == styles[second]) == answers.same).all()
        assert (styles[first] >= 0).all()
        assert (styles[second] >= 0).all()


@pytest.fixture
def catalog():
    """Products p0 to p5; of p0 to p2 the style is known."""
    number = 6
    return Catalog(
        name="my.csv",
        product_id=np.array([f"p{row}" for row in range(number)], object),
        image=np.full(number, "a.jpg", object),
        style=np.array([0, 0, 1, -1, -1, -1], np.int32),
        block=np.zeros(number, np.int32),
        block_names=("all",),
        split=None,
        color=None,
        box=None,
        line=np.arange(number, dtype=np.int32),
        folder="",
    )


class TestFiles:
    @pytest.fixture
    def read(self, catalog, tmp_path):
        def read_rows(*rows, learned=range(6)):
            path = tmp_path / "answers.csv"
            path.write_text("\n".join(["product_a,product_b,same", *rows, ""]))
            return read_answered_styles([str(path)], catalog, np.array(learned))

        return read_rows

    def test_are_matched_to_the_products_to_learn_from(self, read):
        found = read("p3,p5,yes", "p4,p5,no", "p0,p5,no", learned=[1, 3, 4, 5])
        unknown, *known = sets_of(found.styles)
        assert unknown == set()
        assert sorted(map(sorted, known)) == [[0], [1, 3], [2]]
        assert found.different.tolist() == [[2, 3]]
        assert found.figures() == {"num_same": 1, "num_different": 1, "num_products": 3}

    def test_that_contradict_known_styles_count_and_it_is_said(self, read, caplog):
        with caplog.at_level(logging.WARNING):
            found = read("p0,p1,no", "p1,p2,yes", "p3,p4,yes")
        assert "2 of 3 answers contradict the style_id of my.csv" in caplog.text
        assert found.styles[0] != found.styles[1] == found.styles[2]

    def test_that_agree_are_not_remarked_on(self, read, caplog):
        with caplog.at_level(logging.WARNING):
            read("p0,p1,yes", "p1,p2,no")
        assert caplog.text == ""

    def test_of_products_to_report_on_teach_nothing(self, read):
        with pytest.raises(UserError, match="no answer is about two products to learn"):
            read("p0,p1,no", "p1,p3,yes", learned=[0, 2, 3, 4])

    def test_that_cannot_be_used(self, read):
        with pytest.raises(GroupsError, match="no pair of answered products"):
            read("a,b,yes")
        with pytest.raises(AnswersError, match="has no answers"):
            read("p0,p1,")


class TestRun:
    @pytest.fixture
    def unlabelled(self, changed_catalog):
        return changed_catalog("unlabelled.csv", without=("style_id", "split"))

    @pytest.fixture
    def store(self, answered_truly):
        return answered_truly(24)

    @pytest.mark.slow
    @pytest.mark.integration
    @pytest.mark.parametrize("method", ["triplet", "supcon"])
    def test_a_supervised_method_learns_from_answers_alone(
        self, method, unlabelled, store, tiny_run, no_pictures, tmp_path
    ):
        config = tiny_run(
            tmp_path / "run",
            catalog=str(unlabelled),
            method=method,
            products_per_style=2,
            batch_size=8,
            steps=3,
            answers=(str(store),),
            whiten="groups",
            whiten_dimensions=8,
        )
        metrics = train.run(config).metrics
        assert metrics["answers"]["num_products"] == 24
        assert metrics["answers"]["num_same"] > 0
        assert metrics["split"] == "no labels"
        kept = Path(config.workdir, "answers.csv")
        assert read_said(str(kept)) == read_said(str(store))
        # A run that is resumed goes on with the answers that it began with.
        Path(config.workdir, "metrics.json").write_text(json.dumps({"split": "x"}))
        with AnswerStore(store) as more:
            ids = more.answers()[0].inside
            more.add(Answer("pair", ids[:1], ("none",), (0, 0), "Ann"))
        before = kept.read_bytes()
        train.run(config)
        assert kept.read_bytes() == before

    @pytest.mark.integration
    def test_without_answers_there_is_nothing_to_learn(
        self, unlabelled, tiny_run, tmp_path
    ):
        config = tiny_run(tmp_path / "run", catalog=str(unlabelled), method="triplet")
        with pytest.raises(UserError, match="answer questions about them"):
            train.run(config)

    def test_files_are_checked_first(self, unlabelled, tiny_run, tmp_path):
        config = tiny_run(tmp_path / "run", method="triplet", answers=("nowhere.csv",))
        with pytest.raises(ConfigError, match=r"--answers=nowhere\.csv: there is no"):
            train.run(config)
        assert not (tmp_path / "run").exists()

    def test_do_not_go_with_pseudo_labels_of_all(self):
        with pytest.raises(ConfigError, match="takes no notice of --answers"):
            Config(method="triplet", pseudo_labels="all", answers=("a.csv",))

    @pytest.mark.parametrize("whiten", ["none", "pca"])
    def test_must_be_learned_from(self, whiten, tiny_run, tmp_path):
        config = tiny_run(tmp_path / "run", answers=("a.csv",), whiten=whiten)
        with pytest.raises(ConfigError, match="learns from them"):
            train.run(config)
