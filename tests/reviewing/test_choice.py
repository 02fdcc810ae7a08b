"""Which question is next: hand-worked, then what any answers must leave as it is."""

import numpy as np
import pytest
from angles import at_degrees
from drawn_products import NUM_NEIGHBORS, draw, link, oracle

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Linked, PairModel, Scale, Similarity
from cv_tf.reviewing.answered_groups import AnsweredGroups
from cv_tf.reviewing.asking import Question
from cv_tf.reviewing.choice import MOST_INSIDE, MOST_OUTSIDE, Choice
from cv_tf.reviewing.live_groups import LiveGroups
from cv_tf.reviewing.words import Words

# The log-odds of variants are 10 for each unit of similarity above 0.8.
MODEL = PairModel(Scale(), *np.array([[0.8], [10.0], [0.0]]))


def probability(*degrees):
    """The probability of pairs at mean cosines of angles."""
    cosine = np.cos(np.deg2rad(degrees)).mean()
    return 1 / (1 + np.exp(-10 * (cosine - 0.8)))


def linked_at(*degrees):
    products = Embeddings.of_arrays(at_degrees(*degrees))
    linked = link(products)
    of = products, linked.neighbors, Similarity(products.vectors)
    return Linked(*of, linked.dendrograms, MODEL)


class State:
    """Groups of a linked catalog, and the choice of questions about them."""

    def __init__(self, linked, threshold=0.9, start=None):
        number = len(linked.distinct)
        self.linked, self.threshold, self.start = linked, threshold, start
        self.words = Words(number)
        args = (None, self.words.known, start)
        self.live = LiveGroups(linked, threshold, *args)
        self.choice = self.fresh()

    def fresh(self):
        neighbors = self.linked.neighbors
        return Choice(self.linked, self.live, self.words.known, neighbors)

    def say(self, *said, unsure=(), inside=()):
        self.words.add(said, "Ann")
        rows = {row for pair in (*said, *unsure) for row in pair[:2]}
        self.choice.note_asked(inside, unsure)
        known = self.words.known
        self.choice.update(known, self.live.update(known, rows))


class TestByHand:
    """Two at 0 and 10 degrees, another at 40, and one far off."""

    def state(self):
        return State(linked_at(0, 10, 40, 180))

    def test_wrong_and_missed_are_those_that_the_model_expects(self):
        choice = self.state().choice
        belongs, beside = probability(10), probability(40, 30)
        wrong = [1 - belongs**2] * 2 + [0, 0]
        np.testing.assert_allclose(choice.wrong, wrong, atol=1e-6)
        missed = [beside, beside, 2 * beside, 0]
        np.testing.assert_allclose(choice.missed, missed, atol=1e-6)

    def test_gain_counts_pairs(self):
        choice = self.state().choice
        belongs, beside = probability(10), probability(40, 30)
        gain = choice.about(0).gain
        assert gain == pytest.approx(1 - belongs**2 + 2 * beside, abs=1e-6)
        assert choice.about(2).gain == pytest.approx(2 * beside, abs=1e-6)
        assert choice.about(3).gain == 0
        assert choice.num_left == 2

    def test_the_question_shows_a_group_and_what_is_beside_it(self):
        found = self.state().choice.best()
        assert found.inside.tolist() == [0, 1]
        assert found.outside.tolist() == [2]

    def test_what_others_are_asked_is_left_out(self):
        choice = self.state().choice
        assert choice.best([0]).inside.tolist() == [2]
        assert choice.best([1]).inside.tolist() == [2]
        assert choice.best([2, 1]) is None

    def test_the_pair_that_is_most_likely_wrong(self):
        state = self.state()
        pair = state.choice.pair(state.choice.best())
        # 40 degrees are 30 from 10: that they are one design is the likeliest mistake.
        assert (pair.inside.tolist(), pair.outside.tolist()) == ([1], [2])
        assert pair.gain == pytest.approx(max(probability(30), 1 - probability(10)))
        rows = state.choice.best()
        state.say((1, 2, False), (0, 2, False), (0, 1, True))
        assert state.choice.pair(rows) is None

    def test_what_is_known_is_worth_nothing(self):
        state = self.state()
        state.say((0, 1, True), (2, 0, False))
        np.testing.assert_allclose(state.choice.wrong, 0)
        np.testing.assert_allclose(state.choice.missed, 0)
        assert state.choice.best() is None
        assert state.choice.num_left == 0

    def test_what_nobody_can_tell_is_not_asked_again(self):
        state = self.state()
        state.say(unsure=[(0, 1), (0, 2), (1, 2)], inside=[0, 1])
        assert state.choice.best() is None
        state.choice.forget_asked([0, 1], [(0, 1), (0, 2), (1, 2)])
        state.choice.update(state.words.known, np.arange(3))
        assert state.choice.best().inside.tolist() == [0, 1]

    def test_what_two_were_asked_and_one_takes_back(self):
        state = self.state()
        unsure = [(0, 1), (0, 2), (1, 2)]
        state.say(unsure=unsure, inside=[0, 1])
        state.say(unsure=unsure, inside=[0, 1])
        state.choice.forget_asked([0, 1], unsure)
        state.choice.update(state.words.known, np.arange(3))
        assert state.choice.best() is None


class TestManyProducts:
    def test_those_that_are_doubted_most_are_shown(self):
        state = State(linked_at(*np.linspace(0, 20, 40)), start=np.zeros(40, int))
        found = state.choice.best()
        assert len(found.inside) == MOST_INSIDE
        assert {0, 39} <= set(found.inside.tolist())

    def test_of_those_that_are_known_to_be_together_one_is_shown(self):
        """So that each question about a large group tells something new."""
        state = State(linked_at(*np.linspace(0, 20, 60)), start=np.zeros(60, int))
        for _ in range(10):
            found = state.choice.best()
            if found is None:
                break
            inside = found.inside.tolist()
            before = state.words.known.num_pairs_together
            state.say(*((inside[0], row, True) for row in inside[1:]), inside=inside)
            assert state.words.known.num_pairs_together > before
        assert found is None
        assert state.words.known.confirmed(state.live.of).all()

    def test_no_more_are_shown_beside_them_than_there_is_room_for(self):
        state = State(linked_at(*np.linspace(0, 3, 40)), threshold=1.0)
        assert len(state.choice.best().outside) == MOST_OUTSIDE


def check_equal(choice, fresh):
    """Whether what is valued step by step is what is valued at once."""
    np.testing.assert_allclose(choice.wrong, fresh.wrong, atol=1e-9)
    np.testing.assert_allclose(choice.missed, fresh.missed, atol=1e-9)
    names = np.unique(choice._live.of)
    gain, of_fresh = ([it.about(name).gain for name in names] for it in (choice, fresh))
    np.testing.assert_allclose(gain, of_fresh, atol=1e-9)
    np.testing.assert_allclose(choice._photos[names], fresh._photos[names])
    assert choice.num_left == fresh.num_left


@pytest.mark.parametrize("seed", range(6))
def test_equals_a_fresh_choice_after_any_answers(seed):
    random = np.random.default_rng(seed)
    products = draw(50, seed, colored=seed % 2 == 1)
    state = State(link(products), 0.45, np.arange(50) // 2 if seed % 3 == 2 else None)
    number, asked = len(products), []
    for _ in range(8):
        rows = random.choice(number, random.integers(2, 6), replace=False).tolist()
        style = products.style[rows]
        said = [
            (rows[0], row, bool(style[0] == of) ^ bool(random.random() < 0.1))
            for row, of in zip(rows[1:], style[1:], strict=True)
        ]
        unsure = [(rows[0], rows[1])] if random.random() < 0.3 else []
        asked.append((rows[:2], unsure))
        state.say(*said, unsure=unsure, inside=rows[:2])
        fresh = state.fresh()
        for it in asked:
            fresh.note_asked(*it)
        fresh.update(state.words.known, np.arange(number))
        check_equal(state.choice, fresh)
        best, again = state.choice.best(), fresh.best()
        assert best is None or best.inside.tolist() == again.inside.tolist()


class TestToTheEnd:
    """Asking goes on until nothing is left; nothing is asked twice."""

    def run(self, answer, seed=0):
        products = draw(60, seed)
        settings = GroupingSettings(neighbors=NUM_NEIGHBORS, retrieval="exact")
        now = AnsweredGroups(products, [], settings, 0.4, learns=False)
        asked = []
        while rows := now.choice.best():
            ids = now.product_id
            asked.append((frozenset(rows.inside), frozenset(rows.outside)))
            assert len(asked) < 200
            kind = "group" if len(rows.inside) > 1 else "line-up"
            shown = tuple(ids[rows.inside]), tuple(ids[rows.outside])
            now.add(answer(products, Question(kind, *shown, ())))
        assert len(set(asked)) == len(asked) > 5
        return products, now

    @pytest.mark.parametrize("seed", range(3))
    def test_of_what_somebody_knows(self, seed):
        products, now = self.run(oracle, seed)
        together = products.style[:, None] == products.style
        grouped = now.all.live.of[:, None] == now.all.live.of
        assert (together != grouped).mean() < 0.01
        assert now.choice.num_left == 0

    @pytest.mark.parametrize("sets", [None, -1])
    def test_of_what_nobody_can_tell(self, sets):
        def answer(products, question):
            told = oracle(products, question)
            shown = told.kind, told.inside, told.outside
            return type(told)(*shown, (sets,) * len(told.sets), "Ann")

        _, now = self.run(answer)
        assert not now.all.words.known.is_told.any()

    def test_of_one_product_that_nobody_can_tell_of(self):
        random = np.random.default_rng(0)

        def answer(products, question):
            told = oracle(products, question)
            place = random.integers(len(told.sets))
            sets = (*told.sets[:place], None, *told.sets[place + 1 :])
            shown = told.kind, told.inside, told.outside
            return type(told)(*shown, sets, "Ann")

        self.run(answer)
