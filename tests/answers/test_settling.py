"""What holds where people repeat, correct and contradict themselves or each other."""

import itertools
import random
import time

import pytest

from cv_tf.answers import Said, Settled, kappa, settle, spell_contradiction


def told(*words):
    """Statements such as "Ann: a=b" or "a!b", in the order of time."""
    for word in words:
        by, _, pair = word.rpartition(": ")
        first, mark, second = pair
        yield first, second, mark == "=", by


class TestPair:
    def test_of_several_is_there_once_with_the_lesser_first(self):
        found = settle(told("b=a", "c!a", "a!c", "a=b"))
        assert found == Settled((("a", "b"),), (("a", "c"),), (), ())

    def test_later_word_of_a_person_replaces_the_earlier(self):
        assert settle(told("Ann: a=b", "Ann: b!a")).different == (("a", "b"),)
        assert settle(told("Ann: a!b", "Ann: b=a")).same == (("a", "b"),)

    def test_majority_decides(self):
        assert settle(told("Ann: a=b", "Bob: a!b")).disputed == (("a", "b"),)
        two_to_one = ("Ann: a=b", "Bob: a!b", "Cy: a=b")
        assert settle(told(*two_to_one)).same == (("a", "b"),)
        assert settle(told(*two_to_one, "Ann: a!b")).different == (("a", "b"),)

    def test_that_is_repeated_by_one_person_has_one_word(self):
        words = ("Ann: a=b", "Ann: a=b", "Ann: a=b", "Bob: a!b")
        assert settle(told(*words)).disputed == (("a", "b"),)

    def test_of_a_product_with_itself_says_nothing(self):
        assert settle(told("a=a", "b!b")) == Settled((), (), (), ())

    def test_disputed_is_no_part_of_a_contradiction(self):
        words = ("Ann: a=b", "Bob: a!b", "Ann: b=c", "Ann: a!c")
        assert settle(told(*words)) == Settled(
            (("b", "c"),), (("a", "c"),), (("a", "b"),), ()
        )

    def test_may_be_of_rows(self):
        found = settle([(3, 1, True, ""), (0, 3, True, ""), (1, 0, False, "")])
        assert found.contradictions == ((0, 3, 1),)


class TestContradiction:
    def test_is_left_out_whole_and_nothing_else(self):
        found = settle(told("a=b", "b=c", "a!c", "c=d", "d!e"))
        assert found == Settled((("c", "d"),), (("d", "e"),), (), (("a", "b", "c"),))

    def test_goes_by_the_shortest_chain(self):
        words = ("a=b", "b=c", "c=d", "a=e", "e=d", "a!d")
        found = settle(told(*words))
        assert found.contradictions == (("a", "e", "d"),)
        assert found.same == (("a", "b"), ("b", "c"), ("c", "d"))
        assert found.different == ()

    def test_that_is_shorter_comes_first_and_may_end_a_longer_one(self):
        found = settle(told("a=b", "b=c", "c=d", "a!d", "b!d"))
        assert found == Settled((("a", "b"),), (("a", "d"),), (), (("b", "c", "d"),))

    def test_several(self):
        words = ("a=b", "b=c", "a!c", "x=y", "y=z", "x!z", "p=q")
        found = settle(told(*words))
        assert sorted(found.contradictions) == [("a", "b", "c"), ("x", "y", "z")]
        assert found.same == (("p", "q"),)

    def test_is_spelled(self):
        assert spell_contradiction(("a", "b", "c", "d")) == (
            "a and b are the same, b and c are the same, c and d are the same, but a "
            "and d are not"
        )
        assert spell_contradiction((1, 0, 2), "xyz".__getitem__) == (
            "y and x are the same, x and z are the same, but y and z are not"
        )

    def test_of_a_long_chain_is_spelled_in_short(self):
        assert spell_contradiction(range(3000)) == (
            "0 and 1 are the same, 1 and 2 are the same, 2 and 3 are the same, so are "
            "2,993 more pairs up to 2996, 2996 and 2997 are the same, 2997 and 2998 "
            "are the same, 2998 and 2999 are the same, but 0 and 2999 are not"
        )
        assert "more pairs" not in spell_contradiction(range(8))

    @pytest.mark.parametrize("seed", range(30))
    def test_none_is_left_and_each_was_one(self, seed):
        draws = random.Random(seed)
        said = [
            (*draws.sample(range(12), 2), draws.random() < 0.6, str(draws.randrange(3)))
            for _ in range(40)
        ]
        found = settle(said)
        pairs = {tuple(sorted(it[:2])) for it in said}
        chains = found.contradictions
        links = [
            tuple(sorted(pair))
            for chain in chains
            for pair in itertools.pairwise(chain)
        ]
        ends = [tuple(sorted((chain[0], chain[-1]))) for chain in chains]
        parts = (found.same, found.different, found.disputed, links, ends)
        everything = [pair for part in parts for pair in part]
        assert sorted(everything) == sorted(pairs)  # Each once.
        root = list(range(12))
        for _ in root:
            for first, second in found.same:
                root[first] = root[second] = min(root[first], root[second])
        assert all(root[first] != root[second] for first, second in found.different)
        assert list(map(len, chains)) == sorted(map(len, chains))

    @pytest.mark.parametrize("seed", range(5))
    def test_what_is_found_does_not_depend_on_names_of_people(self, seed):
        draws = random.Random(seed)
        said = [
            (*draws.sample(range(9), 2), draws.random() < 0.5, draws.choice("xyz"))
            for _ in range(60)
        ]
        names = {"x": "Zoe", "y": "Ann", "z": ""}
        assert settle([(*it[:3], names[it[3]]) for it in said]) == settle(said)

    @pytest.mark.parametrize("num_products", [8_000, 200_000])
    def test_of_a_hundred_thousand_pairs_takes_seconds(self, num_products):
        draws = random.Random(0)
        said = []
        for _ in range(100_000):
            first = draws.randrange(num_products)
            near = first // 4 * 4 + draws.randrange(4)
            second = near if draws.random() < 0.5 else draws.randrange(num_products)
            same = (first // 4 == second // 4) ^ (draws.random() < 0.02)
            said.append((first, second, same, ""))
        start = time.monotonic()
        settle(said)
        assert time.monotonic() - start < 20


class TestKappa:
    def test_of_two_people_by_hand(self):
        """20 yes and yes, 5 yes and no, 10 no and yes, 15 no and no: 0.4."""
        counts = {(True, True): 20, (True, False): 5, (False, True): 10}
        counts[False, False] = 15
        said = []
        for (ann, bob), count in counts.items():
            for _ in range(count):
                pair = ("a", f"b{len(said)}")
                said += [Said(*pair, ann, "Ann"), Said(*pair, bob, "Bob")]
        value, number = kappa(said)
        assert (value, number) == (pytest.approx(0.4), 50)

    def test_without_two_people_there_is_none(self):
        assert kappa([]) is None
        alone = [Said("a", "b", True, "Ann"), Said("a", "c", True, "Bob")]
        assert kappa(alone) is None
        assert kappa([Said("a", "b", True), Said("a", "b", False)]) is None

    def test_of_last_words(self):
        words = [(True, "Ann"), (False, "Bob"), (True, "Bob")]
        said = [Said("a", "b", same, by) for same, by in words]
        assert kappa(said) == (1.0, 1)

    def test_of_three_people_compares_each_two(self):
        said = [
            Said("a", second, same, by)
            for second, words in (("b", "yyn"), ("c", "nnn"))
            for by, word in zip(("Ann", "Bob", "Cy"), words, strict=True)
            for same in [word == "y"]
        ]
        # Of six comparisons, four agree; yes is said first in 3 of them, second in 1.
        chance = 3 / 6 * 1 / 6 + 3 / 6 * 5 / 6
        assert kappa(said) == (pytest.approx((4 / 6 - chance) / (1 - chance)), 2)
