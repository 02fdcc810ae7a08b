"""What holds of what people say of rows: hand-worked, then as `settle` has it."""

import numpy as np
import pytest

from cv_tf.answers import Said, kappa, settle
from cv_tf.reviewing.words import Words

YES, NO = True, False


def heard(*said, number=10):
    """Words from (row, row, same, person)."""
    words = Words(number)
    for first, second, same, by in said:
        words.add([(first, second, same)], by)
    return words


def holding(words):
    """{pair: same} of what holds, by its answers, which are its constraints, too."""
    answers = words.answers
    pairs = zip(answers.first.tolist(), answers.second.tolist(), strict=True)
    found = dict(zip(pairs, answers.same.tolist(), strict=True))
    assert len(found) == len(answers)
    apart = sorted(map(tuple, words.known.apart.tolist()))
    assert apart == sorted(pair for pair, same in found.items() if not same)
    for (first, second), same in found.items():
        together = words.known.together
        assert (together[first] == together[second]) == same
    return found


class TestOnePair:
    def test_is_of_two_rows_in_any_order(self):
        words = heard((5, 2, YES, "Ann"), (1, 3, NO, "Ann"))
        assert holding(words) == {(2, 5): True, (1, 3): False}
        assert words.said_by((2, 5)) == {"Ann"}
        assert words.said_by((0, 1)) == set()

    def test_of_one_photo_is_none(self):
        words = heard((4, 4, NO, "Ann"))
        assert holding(words) == {}
        words.remove([(4, 4, NO)], "Ann")

    def test_a_persons_later_word_counts(self):
        words = heard((0, 1, YES, "Ann"), (1, 0, NO, "Ann"))
        assert holding(words) == {(0, 1): False}
        assert not words.disputed

    def test_most_people_decide(self):
        said = [(0, 1, YES, "Ann"), (0, 1, NO, "Bob"), (0, 1, NO, "Cy")]
        words = heard(*said)
        assert holding(words) == {(0, 1): False}
        assert not words.disputed
        # Ann, Bob and Dan say yes at last.
        words.add([(0, 1, YES)], "Bob")
        words.add([(0, 1, YES)], "Dan")
        assert holding(words) == {(0, 1): True}

    def test_of_as_many_yes_as_no_is_disputed(self):
        words = heard((0, 1, YES, "Ann"), (0, 1, NO, "Bob"), (2, 3, YES, "Ann"))
        assert list(words.disputed) == [(0, 1)]
        assert holding(words) == {(2, 3): True}
        words.add([(1, 0, NO)], "Cy")
        assert not words.disputed
        assert words.said_by((0, 1)) == {"Ann", "Bob", "Cy"}


class TestTakenBack:
    def test_what_was_said_before_holds_again(self):
        words = heard((0, 1, YES, "Ann"), (0, 1, NO, "Ann"))
        words.remove([(1, 0, NO)], "Ann")
        assert holding(words) == {(0, 1): True}
        words.remove([(0, 1, YES)], "Ann")
        assert holding(words) == {}
        assert words.said_by((0, 1)) == set()

    def test_others_words_stay(self):
        words = heard((0, 1, YES, "Ann"), (0, 1, NO, "Bob"))
        words.remove([(0, 1, NO)], "Bob")
        assert holding(words) == {(0, 1): True}
        assert not words.disputed


class TestContradictions:
    def test_neither_the_chain_nor_the_no_counts(self):
        words = heard(
            (0, 1, YES, ""),
            (1, 2, YES, ""),
            (0, 2, NO, ""),
            (2, 3, YES, ""),
            (7, 8, YES, ""),
            (8, 9, NO, ""),
        )
        assert holding(words) == {(2, 3): True, (7, 8): True, (8, 9): False}

    def test_are_over_once_a_word_is_taken_back(self):
        words = heard((0, 1, YES, ""), (1, 2, YES, ""), (0, 2, NO, ""))
        assert holding(words) == {}
        words.remove([(0, 2, NO)], "")
        assert holding(words) == {(0, 1): True, (1, 2): True}


@pytest.mark.parametrize("seed", range(20))
def test_equals_settling_all_at_once(seed):
    """After each of many words of four people, some of which are taken back."""
    random = np.random.default_rng(seed)
    number = 9 if seed % 2 else 30
    style = np.arange(number) // 3
    words, said = Words(number), []
    for step in range(120):
        if said and random.random() < 0.15:
            first, second, same, by = said[-1]
            words.remove([(first, second, same)], by)
            said.pop()
        else:
            first, second = random.integers(0, number, 2).tolist()
            same = bool(style[first] == style[second]) ^ bool(random.random() < 0.1)
            said.append((first, second, same, "ABCD"[random.integers(4)]))
            words.add([said[-1][:3]], said[-1][3])
        if step % 7 and step < 110:
            continue
        settled = settle(said)
        expected = dict.fromkeys(settled.same, True)
        expected |= dict.fromkeys(settled.different, False)
        assert holding(words) == expected
        assert set(words.disputed) == set(settled.disputed)
        spelled = [Said.of(str(a), str(b), same, by) for a, b, same, by in said]
        spelled = [it for it in spelled if it.first != it.second]
        assert words.agreement.kappa() == kappa(spelled)
