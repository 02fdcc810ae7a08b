"""A session of questions: people who know, who err, who change their minds."""

import threading

import numpy as np
import pytest
from angles import at_degrees
from drawn_products import NUM_NEIGHBORS, draw, figures, oracle

from cv_tf.answers import Answer, AnswersError, AnswerStore
from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.reviewing import Review, answered_groups, open_questions

pytestmark = pytest.mark.integration

SETTINGS = GroupingSettings(neighbors=NUM_NEIGHBORS, retrieval="exact")


@pytest.fixture
def store(tmp_path):
    with AnswerStore(tmp_path / "my.answers.sqlite") as store:
        yield store


def start(products, store, **others):
    return Review(products, store, SETTINGS, **({"learns": False} | others))


def answer_all(review, products, by="Ann", most=400, wrong=None, **how):
    """Answers whatever is asked, until nothing is; returns the questions."""
    asked = []
    while question := review.ask(by, **how):
        assert len(asked) < most
        asked.append(question)
        review.say(oracle(products, question, by, wrong))
    return asked


def answer_some(review, products, number, by="Ann", wrong=None):
    """Answers so many questions."""
    for _ in range(number):
        review.say(oracle(products, review.ask(by), by, wrong))


def pair(first, second, same, by="Ann"):
    return Answer("pair", (first,), (second,), (0, 0 if same else -1), by)


class TestOracle:
    @pytest.mark.parametrize("learns", [False, True])
    def test_makes_the_groups_right(self, store, learns):
        products = draw(90, 1)
        review = start(products, store, learns=learns)
        before, enough = figures(review.groups, products.style)[2], 0.97
        asked = answer_all(review, products)
        f1 = figures(review.groups, products.style)[2]
        assert before < 0.9 < enough < f1
        assert len(asked) < 90
        assert len(store.answers()) == len(asked)
        assert {it.kind for it in asked} >= {"group", "line-up"}

    def test_is_asked_what_puts_most_right_first(self, store):
        products = draw(120, 1)
        review = start(products, store)
        before = figures(review.groups, products.style)[2]
        answer_some(review, products, 15)
        early = figures(review.groups, products.style)[2]
        answer_all(review, products)
        late = figures(review.groups, products.style)[2]
        assert early - before > (late - before) / 4

    @pytest.mark.parametrize("kind", ["", "pair", "random"])
    def test_is_asked_again_what_is_open_when_nothing_else_is_left(self, store, kind):
        products = draw(20, 2)
        review = start(products, store)
        last = None
        while question := review.ask("Ann", kind):
            last = question
            # The page is loaded anew, twice.
            assert review.ask("Ann", kind)
            assert review.ask("Ann", kind)
            review.say(oracle(products, question, "Ann"))
        assert last

    def test_of_another_process_is_heard(self, store):
        products = draw(120, 1)
        review = start(products, store)
        with AnswerStore(store.path) as same_store:
            other = start(products, same_store)
            for _ in range(8):
                answer_some(review, products, 1, "Ann")
                answer_some(other, products, 1, "Bob")
            asked = [it.inside for it in store.answers() if not it.stratum]
            assert len(set(asked)) == len(asked)
            review.ask("Ann")
            assert review.progress("Ann")["answers"] == 16
            assert review.progress("Ann")["by_you"] == 8
            assert len(store.answers()) == 16

    def test_by_pairs(self, store):
        products = draw(40, 2)
        review = start(products, store)
        asked = answer_all(review, products, kind="pair")
        assert figures(review.groups, products.style)[2] > 0.95
        for question in asked:
            assert len(question.inside) == len(question.outside) == 1
            assert (question.kind, question.stratum) == ("pair", "")
        assert len({frozenset(it.inside + it.outside) for it in asked}) == len(asked)

    def test_is_shown_what_is_grouped_or_known(self, store):
        products = draw(60, 3)
        review = start(products, store)
        question = review.ask("Ann")
        row = {name: n for n, name in enumerate(products.product_id)}
        of = review.groups[[row[name] for name in question.inside + question.outside]]
        assert question.sets == tuple(0 if it == of[0] else -1 for it in of)

    def test_nothing_is_asked_twice(self, store):
        products = draw(120, 4)
        asked = answer_all(start(products, store), products)
        shown = {(frozenset(it.inside), frozenset(it.outside)) for it in asked}
        assert len(shown) == len(asked)

    def test_what_nobody_can_tell_ends_as_well(self, store):
        products = draw(40, 5)
        for kind in ("", "pair"):
            review, number = start(products, store), 0
            while question := review.ask("Ann", kind):
                sets = (None,) * len(question.sets)
                review.say(Answer(*question[:3], sets, "Ann", stratum=question.stratum))
                number += 1
                assert number < 300


class TestReload:
    def test_gives_the_same_groups_and_goes_on_as_before(self, store):
        products = draw(150, 6)
        review = start(products, store)
        answer_some(review, products, 25)
        again = start(products, store)
        assert again.groups.tolist() == review.groups.tolist()
        for one in (review, again):
            one.progress("Ann")
        assert again.progress("Ann") == review.progress("Ann")
        assert again.ask("Ann") == review.ask("Ann")

    def test_with_what_was_learned(self, store):
        products = draw(60, 6)
        review = start(products, store, learns=True)
        answer_all(review, products)
        again = start(products, store, learns=True)
        f1 = [figures(it.groups, products.style)[2] for it in (review, again)]
        assert min(f1) > 0.95

    def test_draws_from_the_strata_of_before(self, store):
        products = draw(80, 6)
        review = start(products, store, learns=True)
        first = [review._share.stratum(row) for row in range(80)]
        answer_some(review, products, 12)
        again = start(products, store, learns=True)
        assert [again._share.stratum(row) for row in range(80)] == first

    def test_leaves_out_answers_about_other_products(self, store):
        products = draw(40, 7)
        store.add(pair("p001", "gone", True))
        store.add(pair("p001", "p030", True))
        review = start(products, store)
        assert review.groups[1] == review.groups[30]
        assert review.progress("Ann")["answers"] == 1


class TestUndo:
    def test_restores_the_groups_and_returns_the_question(self, store):
        products = draw(150, 8)
        review = start(products, store)
        before = []
        for _ in range(25):
            before.append(review.groups.copy())
            question = review.ask("Ann")
            review.say(oracle(products, question))
        given = store.answers()
        for groups in before[::-1]:
            question = review.undo("Ann")
            last = given.pop()
            assert question[:4] == (last.kind, last.inside, last.outside, last.sets)
            assert question.stratum == last.stratum
            assert review.groups.tolist() == groups.tolist()
        assert review.undo("Ann") is None
        assert store.answers() == []

    def test_leaves_everything_as_if_nothing_was_said(self, store):
        products = draw(150, 8)
        review, wrong = start(products, store), np.random.default_rng(0)
        answer_some(review, products, 20, wrong=wrong)
        for _ in range(10):
            review.undo("Ann")
        again = start(products, store)
        assert again.groups.tolist() == review.groups.tolist()
        choice, fresh = review._now.choice, again._now.choice
        np.testing.assert_allclose(choice.wrong, fresh.wrong, atol=1e-9)
        np.testing.assert_allclose(choice.missed, fresh.missed, atol=1e-9)

    def test_takes_back_that_nobody_can_tell(self, store):
        products = draw(40, 5)
        review = start(products, store)
        question = review.ask("Ann")
        review.say(Answer(*question[:3], (None,) * len(question.sets), "Ann"))
        review.undo("Ann")
        review._open = open_questions.OpenQuestions()
        assert review.ask("Ann") == question

    def test_is_of_ones_own_answers(self, store):
        products = draw(40, 5)
        review = start(products, store)
        review.say(pair("p001", "p002", True, "Ann"))
        review.say(pair("p003", "p004", True, "Bob"))
        assert review.undo("Ann").inside == ("p001",)
        assert review.undo("Ann") is None
        assert [it.by for it in store.answers()] == ["Bob"]

    def test_and_another_answer(self, store):
        products = draw(40, 5)
        review = start(products, store)
        review.say(pair("p001", "p002", True))
        review.undo("Ann")
        review.say(pair("p001", "p002", False))
        assert review.groups[1] != review.groups[2]
        assert [it.number for it in store.answers()] == [3]


class TestSeveralPeople:
    def test_are_never_asked_the_same_at_once(self, store):
        products = draw(120, 9)
        review = start(products, store)
        people, waiting = ("Ann", "Bob", "Cy"), {}
        for turn in range(90):
            by = people[turn % 3]
            if by in waiting:
                review.say(oracle(products, waiting.pop(by), by))
            if question := review.ask(by):
                for other in waiting.values():
                    assert set(question.inside) != set(other.inside)
                    if not (question.stratum or other.stratum):
                        assert set(question.inside).isdisjoint(other.inside)
                waiting[by] = question
        assert len(store.answers()) > 25

    def test_by_pairs_neither(self, store):
        products = draw(40, 9)
        review = start(products, store)
        while True:
            asked = [review.ask(by, "pair") for by in "ABC"]
            shown = [frozenset(it.inside + it.outside) for it in asked if it]
            assert len(set(shown)) == len(shown)
            for by, question in zip("ABC", asked, strict=True):
                if question:
                    review.say(oracle(products, question, by))
            if not shown:
                break

    def test_what_is_asked_ahead_is_another_question(self, store):
        products = draw(120, 9)
        review = start(products, store)
        now = review.ask("Ann")
        for _ in range(20):
            ahead = review.ask("Ann")
            assert set(ahead.inside) != set(now.inside)
            if not (now.stratum or ahead.stratum):
                # Nor does one show what the other is about.
                assert set(ahead.inside).isdisjoint(now.inside + now.outside)
            review.say(oracle(products, now))
            now = ahead

    def test_what_is_open_for_long_is_asked_again(self, store, monkeypatch):
        products = draw(40, 9)
        review = start(products, store)
        first = review.ask("Ann")
        assert review.ask("Bob") != first
        monkeypatch.setattr(open_questions, "_FORGOTTEN", -1.0)
        assert review.ask("Cy") == first

    def test_who_disagree_are_settled_by_a_third(self, store):
        products = draw(40, 9)
        review = start(products, store)
        review.say(pair("p001", "p002", True, "Ann"))
        review.say(pair("p001", "p002", False, "Bob"))
        assert review.progress("Ann")["disputed"] == 1
        shown = [review.ask(by)[:3] for by in ("Ann", "Bob", "Cy", "Dan")]
        disputed = ("pair", ("p001",), ("p002",))
        assert [it == disputed for it in shown] == [False, False, True, False]
        review.say(pair("p001", "p002", True, "Cy"))
        assert review.progress("Ann")["disputed"] == 0
        assert review.groups[1] == review.groups[2]

    def test_are_asked_some_questions_that_others_answered(self, store):
        products = draw(200, 10)
        review = start(products, store)
        answer_some(review, products, 15)
        assert review.progress("Bob")["kappa"] is None
        shown = {it.inside for it in store.answers()}
        again = []
        for number in range(25):
            question = review.ask("Bob")
            if question.inside in shown and not question.stratum:
                again.append(number)
            review.say(oracle(products, question, "Bob"))
        assert again == [24]
        value, pairs = review.progress("Bob")["kappa"]
        assert value == 1.0
        assert pairs >= 1


class TestRandomShare:
    def test_is_one_question_in_five(self, store):
        products = draw(200, 11)
        review = start(products, store)
        strata = []
        for _ in range(26):
            question = review.ask("Ann")
            strata.append(question.stratum)
            review.say(oracle(products, question))
        assert sum(map(bool, strata)) == 5
        assert {it.split()[0] for it in strata if it} == set("12345")

    def test_goes_on_where_products_have_nothing_beside_them(self, store):
        """Half of the products are alone in their blocks."""
        products = draw(300, 11)
        block = np.where(np.arange(300) % 2, np.arange(300), 0)
        alone = Embeddings.of_arrays(products.vectors, block, None, products.style)
        alone.product_id[:] = products.product_id
        review = start(alone, store)
        number = 0
        for _ in range(30):
            question = review.ask("Ann")
            number += bool(question.stratum)
            review.say(oracle(alone, question))
        assert number >= 5

    def test_quality_is_near_the_truth(self, store):
        products = draw(200, 12)
        review = start(products, store, random_every=2)
        assert review.quality() is None
        assert review.progress("Ann")["precision"] is None
        answer_some(review, products, 50)
        quality = review.quality()
        of = review._now.chosen.live.of
        precision, recall, _ = figures(of, products.style)
        for found, true in zip(quality, (precision, recall), strict=True):
            assert 0 <= found.low <= found.estimate <= found.high <= 1
            assert found.low - 0.02 <= true <= found.high + 0.02
        low, estimate, high = review.progress("Ann")["recall"]
        assert (low, estimate, high) == (
            quality.recall.low,
            quality.recall.estimate,
            quality.recall.high,
        )

    def test_where_random_products_have_told_all(self, store):
        """What they contradict is not asked for ever: others have said otherwise."""
        products = Embeddings.of_arrays(at_degrees(0, 10, 40, 180))
        review = start(products, store, threshold=0.9)
        words = ("0",), ("1", "2"), (0, -1, -1), "Ann"
        review.say(Answer("line-up", ("0",), ("1", "2"), (0, 0, -1), "Ann"))
        review.say(Answer("line-up", *words[:3], "Bob", stratum="1 of 2"))
        review.say(Answer("line-up", *words[:3], "Cy", stratum="1 of 2"))
        for kind in ("", "pair"):
            assert len(answer_all(review, _with_style(products), kind=kind)) < 9


def _with_style(products):
    style = np.array([0, 0, 2, 3])
    return Embeddings.of_arrays(products.vectors, None, None, style)


class TestAskAbout:
    def test_shows_the_group_and_what_is_beside_it(self, store):
        products = draw(60, 13)
        review = start(products, store)
        question = review.ask_about("p007")
        own = np.flatnonzero(review.groups == review.groups[7])
        assert question.inside == tuple(products.product_id[own])
        assert len(question.outside) > 3
        assert set(question.inside).isdisjoint(question.outside)
        review.say(oracle(products, question))
        again = review.ask_about("p007")
        assert again.sets[: len(again.inside)] == (0,) * len(again.inside)


class TestProgress:
    def test_counts(self, store):
        products = draw(60, 14)
        review = start(products, store)
        first = review.progress("Ann")
        assert (first["answers"], first["by_you"], first["confirmed"]) == (0, 0, 0)
        size = np.bincount(review.groups)
        assert first["groups"] == (size > 1).sum()
        assert first["left"] > 10
        answer_all(review, products)
        review.say(pair("p001", "p002", False, "Bob"))
        last = review.progress("Ann")
        assert last["answers"] == len(store.answers()) == last["by_you"] + 1
        assert last["left"] == 0
        assert last["confirmed"] >= 0.9 * last["groups"]


class TestTrouble:
    def test_products_that_nobody_knows(self, store):
        review = start(draw(40, 15), store)
        with pytest.raises(AnswersError, match="not in this catalog"):
            review.say(pair("p001", "unknown", True))
        assert store.answers() == []

    def test_a_store_that_cannot_be_written(self, store, monkeypatch):
        products = draw(40, 15)
        review = start(products, store)
        question = review.ask("Ann")
        before, progress = review.groups.copy(), review.progress("Ann")

        def is_full(*_):
            raise AnswersError("The answer is not saved: the disk is full.")

        with monkeypatch.context() as full:
            full.setattr(store, "add", is_full)
            with pytest.raises(AnswersError, match="full"):
                review.say(oracle(products, question))
        assert review.groups.tolist() == before.tolist()
        assert review.progress("Ann") == progress
        review.say(oracle(products, question))
        groups = review.groups.copy()
        monkeypatch.setattr(store, "undo", is_full)
        with pytest.raises(AnswersError, match="full"):
            review.undo("Ann")
        assert review.groups.tolist() == groups.tolist()
        assert review.progress("Ann")["answers"] == 1

    def test_copies_of_one_photo(self, store):
        products = draw(40, 16)
        vectors = np.concatenate([products.vectors, products.vectors[:8]])
        style = np.concatenate([products.style, products.style[:8]])
        twice = Embeddings.of_arrays(vectors, None, None, style)
        review = start(twice, store)
        review.say(pair("41", "1", False))
        review.say(pair("41", "2", True))
        assert review.groups[1] == review.groups[2]
        answer_all(review, twice)


class TestThreads:
    @pytest.mark.parametrize("learns", [False, True])
    def test_ask_and_say_at_once(self, store, learns, monkeypatch):
        # Lessons are in the background, as in a large catalog.
        monkeypatch.setattr(answered_groups, "_MANY", 1)
        products = draw(120, 17)
        review = start(products, store, learns=learns)
        errors, given = [], []

        def work(by):
            try:
                for turn in range(4):
                    question = review.ask(by, "pair" if turn % 3 == 2 else "")
                    if question is None:
                        return
                    given.append(review.say(oracle(products, question, by)))
                    if turn % 4 == 3:
                        review.progress(by)
                        review.undo(by)
            except Exception as error:
                errors.append(error)

        others = {*threading.enumerate()}
        threads = [threading.Thread(target=work, args=(f"P{n}",)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for lesson in {*threading.enumerate()} - others:
            lesson.join(5)
        assert errors == []
        assert len(set(given)) == len(given) > 15
        numbers = {it.number for it in store.answers()}
        assert numbers <= set(given)
        assert review.progress("P0")["answers"] == len(numbers)
        if not learns:
            again = start(products, store)
            assert again.groups.tolist() == review.groups.tolist()
