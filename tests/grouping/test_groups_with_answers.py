"""Named groups that obey what people have said, from one run to the next."""

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.embeddings import Embeddings
from cv_tf.grouping import Answers, find_groups


def answers_of(*pairs):
    """Answers from (row, row, whether they are the same)."""
    first, second, same = np.array(pairs, np.int64).reshape(-1, 3).T
    return Answers(first, second, same.astype(bool))


def products_at(*degrees, names=None):
    products = Embeddings.of_arrays(at_degrees(*degrees))
    products.product_id[:] = names or [chr(97 + row) for row in range(len(degrees))]
    return products


def named(grouped):
    return "".join(grouped.named.group_id)


def next_run(grouped):
    """What the next run is given of this one: groups, and those that are confirmed."""
    names = dict(zip(grouped.product_id, grouped.named.group_id, strict=True))
    confirmed = grouped.state == "confirmed"
    return {"previous": names, "closed": set(grouped.named.group_id[confirmed])}


def settled(products, answers=None, **others):
    return find_groups(products, threshold=0.9, answers=answers, **others)


# Three that look alike, one that does not, and two others.
DEGREES = (0, 4, 8, 60, 120, 124)


class TestOneRun:
    def test_no_splits_and_yes_joins(self):
        products = products_at(*DEGREES)
        assert named(settled(products)) == "aaadee"
        assert named(settled(products, answers_of((0, 1, 0), (1, 2, 1)))) == "abbdee"
        # What is like 0 is not like the mean of 0 and 3.
        assert named(settled(products, answers_of((0, 3, 1)))) == "abbaee"

    def test_yes_joins_products_of_two_blocks(self):
        products = Embeddings.of_arrays(at_degrees(0, 4, 90), np.array([0, 0, 1]))
        found = settled(products, answers_of((2, 0, 1), (0, 1, 0)))
        assert found.named.group_id.tolist() == ["0", "1", "0"]

    def test_is_confirmed_where_yes_links_a_whole_group(self):
        products = products_at(*DEGREES)
        found = settled(products, answers_of((0, 1, 1), (1, 2, 1), (3, 4, 0)))
        assert named(found) == "aaadee"
        assert found.is_confirmed.tolist() == [1, 1, 1, 1, 0, 0]
        assert found.state.tolist()[:4] == ["confirmed"] * 4
        part = settled(products, answers_of((0, 1, 1)))
        assert not part.is_confirmed.any()
        assert settled(products).is_confirmed is None

    def test_confidence_of_what_is_told_is_1(self):
        products = products_at(*DEGREES)
        before = settled(products).confidence.probability
        said = [(0, 1, 1), (1, 2, 1), (0, 3, 0), (0, 4, 0), (0, 5, 0)]
        found = settled(products, answers_of(*said))
        assert found.confidence.probability[:3].tolist() == [1, 1, 1]
        assert found.confidence.nearest_other[:3].tolist() == [-1] * 3
        assert (before[:3] < 1).all()
        # Of the others it is open whether they are the same.
        assert 0 < found.confidence.probability[4] < 1

    def test_expected_precision_rises_with_what_is_confirmed(self):
        random = np.random.default_rng(0)
        style = np.arange(120) // 3
        vectors = random.standard_normal((40, 12))[style]
        vectors += 0.7 * random.standard_normal(vectors.shape)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        products = Embeddings.of_arrays(vectors.astype(np.float32))
        plain = find_groups(products)
        first = np.flatnonzero(np.arange(120) % 3 > 0)
        some = Answers(first[:40], first[:40] - 1, np.ones(40, bool))
        told, rest = (
            find_groups(
                products,
                threshold=plain.threshold,
                model=plain.linked.model,
                answers=answers,
            )
            for answers in (some, Answers(first, first - 1, np.ones(80, bool)))
        )
        figures = [it.expected.precision.estimate for it in (plain, told, rest)]
        assert figures == sorted(figures)
        assert figures[0] < figures[1] - 0.02 < figures[2] - 0.04
        # Whatever is grouped there is known to be right.
        assert rest.linked.expect(1.0).precision == (1.0, 1.0, 1.0)
        assert rest.linked.dendrograms.num_certain == 80

    def test_nothing_said_changes_nothing(self):
        products = products_at(*DEGREES)
        plain, told = settled(products), settled(products, answers_of())
        assert named(plain) == named(told)
        np.testing.assert_array_equal(
            plain.confidence.probability, told.confidence.probability
        )


class TestCopies:
    """An answer about a copy of a photo is one about all of its copies."""

    def products(self):
        return products_at(0, 4, 0, 4, 90)

    def answers(self, products, *pairs):
        place = products.copies.place
        return answers_of(*((place[one], place[two], of) for one, two, of in pairs))

    def test_no(self):
        products = self.products()
        assert named(settled(products)) == "aaaae"
        found = settled(products, self.answers(products, (2, 3, 0)))
        assert named(found) == "ababe"
        assert found.is_confirmed.tolist() == [1, 1, 1, 1, 0]

    def test_yes(self):
        products = self.products()
        found = settled(products, self.answers(products, (2, 4, 1)))
        assert named(found)[4] == named(found)[0] == named(found)[2]

    def test_in_a_group_that_is_confirmed(self):
        products = self.products()
        found = settled(products, self.answers(products, (2, 1, 1)))
        assert named(found) == "aaaae"
        assert found.is_confirmed.tolist() == [1, 1, 1, 1, 0]
        again = settled(products, **next_run(found))
        assert again.state.tolist()[:4] == ["confirmed"] * 4


class TestNextRun:
    def test_a_no_splits_a_former_group_whose_largest_piece_keeps_its_name(self):
        products = products_at(0, 4, 8, 60, names=["m", "n", "o", "p"])
        previous = dict.fromkeys("mnop", "old")
        found = settled(products, answers_of((0, 3, 0)), previous=previous)
        assert found.named.group_id.tolist() == ["old", "old", "old", "p"]
        assert settled(products, previous=previous).named.group_id[3] == "old"

    def test_a_yes_joins_former_groups(self):
        products = products_at(0, 4, 90, 180)
        previous = {"a": "x", "b": "x", "c": "y", "d": "z"}
        found = settled(products, answers_of((1, 2, 1)), previous=previous)
        assert found.named.group_id.tolist() == ["x", "x", "x", "z"]
        assert found.named.joined == (("x", ("y",)),)

    def test_what_was_split_stays_split_without_the_answers(self):
        """It is confirmed, and so are the groups that it was split into."""
        products = products_at(0, 4, 90)
        first = settled(products, answers_of((0, 1, 0)))
        assert named(first) == "abc"
        known = next_run(first)
        assert known["closed"] == {"a", "b"}
        again = settled(products, **known)
        assert named(again) == "abc"
        assert again.state.tolist()[:2] == ["confirmed"] * 2

    def test_a_new_product_joins_a_confirmed_group(self):
        products = products_at(0, 4, 90)
        known = next_run(settled(products, answers_of((0, 1, 0))))
        more = products_at(0, 4, 90, -2)
        found = settled(more, **known)
        assert named(found) == "abca"
        assert found.state[1] == "confirmed"
        assert "confirmed" not in found.state[[0, 2, 3]]

    def test_a_former_product_joins_no_confirmed_group(self):
        """Though it does where the group is not confirmed."""
        products = products_at(0, 4, 8)
        previous = {"a": "a", "b": "a", "c": "c"}
        free = settled(products, previous=previous)
        closed = settled(products, previous=previous, closed={"a"})
        assert named(free) == "aaa"
        assert named(closed) == "aac"

    def test_answers_go_before_what_was_confirmed(self):
        products = products_at(0, 4, 8)
        known = {"previous": {"a": "a", "b": "a", "c": "c"}, "closed": {"a"}}
        assert named(settled(products, answers_of((1, 2, 1)), **known)) == "aaa"
        split = settled(products, answers_of((0, 1, 0)), **known)
        assert named(split)[0] != named(split)[1]

    @pytest.mark.parametrize("seed", range(8))
    def test_names_stay_and_no_two_groups_share_one(self, seed):
        random = np.random.default_rng(seed)
        number = 40
        products = products_at(
            *random.integers(0, 120, number), names=[f"p{n:02d}" for n in range(number)]
        )
        distinct = len(products.distinct)
        previous = {
            name: f"p{random.integers(0, number):02d}"
            for name in products.product_id[: number - 5]
        }
        style = random.integers(0, 12, distinct)
        first, second = random.integers(0, distinct, (2, 30))
        answers = Answers(first, second, style[first] == style[second])
        answers = Answers(*(of[first != second] for of in vars(answers).values()))
        found = settled(products, answers, previous=previous)
        names = found.named.group_id
        number_of = np.unique(names, return_inverse=True)[1]
        group = found.linked.cut(found.threshold)[0][products.copies.place]
        # Names and groups are one to one.
        assert (
            len({*zip(number_of.tolist(), group.tolist(), strict=True)})
            == (number_of.max() + 1)
            == len(np.unique(group))
        )
        known = found.linked.constraints
        of = group[products.copies.rows]
        assert (of[known.apart[:, 0]] != of[known.apart[:, 1]]).all()
        # A former name is kept by the piece with most of its products.
        former = np.array([previous.get(name, "") for name in products.product_id])
        for name in set(previous.values()) & set(names):
            if not (former[names == name] == name).any():
                continue
            own = (former == name) & (names == name)
            for other in set(names[former == name]) - {name}:
                rival = (former == name) & (names == other)
                larger = max(
                    (former[names == other] == it).sum()
                    for it in set(previous.values())
                )
                assert own.sum() >= rival.sum() or larger > rival.sum()
