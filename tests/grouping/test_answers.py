"""Tables of answers, as people fill them in."""

import logging

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.answers import Answer, AnswersError, AnswerStore
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import GroupsError, read_answers

HEADER = "product_a,product_b,same"


@pytest.fixture
def products():
    """Products p0 to p5; p5 has the photo of p0."""
    products = Embeddings.of_arrays(at_degrees(0, 30, 60, 90, 120, 0))
    for row in range(6):
        products.product_id[row] = f"p{row}"
    return products


@pytest.fixture
def read(products, tmp_path):
    """A function from rows, as text, to {two rows of products: answer}."""

    def read_rows(*rows, header=HEADER, of=products):
        path = tmp_path / "answers.csv"
        path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        return as_dict(read_answers(str(path), of))

    return read_rows


def as_dict(answers):
    pairs = zip(answers.first.tolist(), answers.second.tolist(), strict=True)
    found = {
        tuple(sorted(pair)): same
        for pair, same in zip(pairs, answers.same, strict=True)
    }
    assert len(found) == len(answers)
    assert answers.same.dtype == bool
    assert answers.first.dtype == answers.second.dtype == np.int64
    return {pair: bool(same) for pair, same in found.items()}


class TestRows:
    def test_are_of_products_in_any_order_and_beside_other_columns(self, read):
        found = read(
            "a.jpg,no,p3,p1,",
            "b.jpg,yes,p0,p2,",
            header="image,same,product_b,product_a,by",
        )
        assert found == {(1, 3): False, (0, 2): True}

    def test_that_repeat_an_answer_count_once(self, read):
        assert read("p0,p1,yes", "p1,p0,yes", "p0,p1,1") == {(0, 1): True}

    def test_that_contradict_each_other_count_for_nothing(self, read, caplog):
        with caplog.at_level(logging.WARNING):
            found = read("p0,p1,yes", "p2,p3,no", "p1,p0,no")
        assert found == {(2, 3): False}
        assert (
            "1 of 2 pairs are answered both yes and no, such as p0 and p1"
            in caplog.text
        )

    def test_nothing_but_contradictions(self, read):
        with pytest.raises(GroupsError, match="all pairs are answered both yes and no"):
            read("p0,p1,yes", "p1,p0,no")


class TestProducts:
    def test_that_are_not_there_are_left_out_and_named(self, read, caplog):
        with caplog.at_level(logging.WARNING):
            found = read("p0,p1,yes", "p1,q7,no")
        assert found == {(0, 1): True}
        assert "1 of 3 answered products" in caplog.text
        assert "'q7'" in caplog.text

    def test_of_another_catalog(self, read):
        with pytest.raises(GroupsError, match=r"no pair .* 'x1' and 'p0'"):
            read("x1,x2,yes")

    def test_that_are_spelled_otherwise_get_a_hint(self, read, caplog):
        with pytest.raises(GroupsError, match=r"mean 'p0'\? Capital letters count"):
            read("P0,P1,yes", "P2,P3,no")

    def test_copies_stand_for_their_photo(self, read):
        assert read("p5,p1,yes") == {(0, 1): True}

    def test_copies_repeat_an_answer(self, read):
        assert read("p5,p1,yes", "p0,p1,yes", "p2,p3,no") == {
            (0, 1): True,
            (2, 3): False,
        }

    def test_copies_contradict_each_other(self, read, caplog):
        with caplog.at_level(logging.WARNING):
            found = read("p5,p1,yes", "p0,p1,no", "p2,p3,no")
        assert found == {(2, 3): False}
        assert "both yes and no, such as p0 and p1" in caplog.text

    def test_two_copies_of_one_photo_are_no_pair(self, read, caplog):
        assert read("p0,p5,yes", "p2,p3,yes") == {(2, 3): True}
        assert not caplog.text
        assert read("p0,p5,no", "p2,p3,yes") == {(2, 3): True}
        assert "1 no of two products of one photo, such as 'p0' and 'p5'" in caplog.text
        with pytest.raises(GroupsError, match=r"two products of one photo, .*'p0' and"):
            read("p0,p5,yes")

    def test_of_two_blocks_are_told_apart_as_any(self, read):
        """They are never compared, but their answer tells as that of any pair."""
        blocks = np.array([0, 0, 1, 1, 0, 0])
        of = Embeddings.of_arrays(at_degrees(0, 30, 60, 90, 120, 150), blocks)
        assert read("0,2,no", "0,1,yes", of=of) == {(0, 2): False, (0, 1): True}

    def test_keep_zeros_in_front(self, read):
        of = Embeddings.of_arrays(at_degrees(0, 30, 60))
        of.product_id[:] = ["007", "07", "0108"]
        assert read("007,0108,yes", "07,0108,no", of=of) == {
            (0, 2): True,
            (1, 2): False,
        }


class TestWhatHolds:
    HEADER = f"{HEADER},by"

    def test_is_what_most_people_say_in_their_last_word(self, read):
        found = read(
            *("p0,p1,no,Ann", "p1,p0,yes,Ann", "p0,p1,yes,Bob", "p0,p1,no,Cy"),
            "p1,p2,no,Ann",
            header=self.HEADER,
        )
        assert found == {(0, 1): True, (1, 2): False}

    def test_is_not_what_people_disagree_on(self, read, caplog):
        with caplog.at_level(logging.WARNING):
            found = read(
                "p0,p1,yes,Ann", "p0,p1,no,Bob", "p2,p3,yes,", header=self.HEADER
            )
        assert found == {(2, 3): True}
        assert "1 of 2 pairs are answered both yes and no" in caplog.text

    def test_is_no_contradiction(self, read, caplog):
        with caplog.at_level(logging.WARNING):
            found = read("p2,p3,yes", "p0,p1,yes", "p1,p2,yes", "p2,p0,no", "p1,p4,no")
        assert found == {(2, 3): True, (1, 4): False}
        expected = (
            "answers contradict each other: p0 and p1 are the same, p1 and p2 are the "
            "same, but p0 and p2 are not; they are left out"
        )
        assert expected in caplog.text

    def test_a_copy_may_close_a_contradiction(self, read, caplog):
        with caplog.at_level(logging.WARNING):
            found = read("p5,p1,yes", "p1,p2,yes", "p2,p0,no", "p3,p4,yes")
        assert found == {(3, 4): True}
        assert "p0 and p1 are the same" in caplog.text

    def test_of_many_contradictions_three_are_spelled(self, tmp_path, caplog):
        products = Embeddings.of_arrays(at_degrees(*range(0, 360, 24)))
        rows = []
        for start in range(0, 12, 3):
            first, second, third = range(start, start + 3)
            rows += [f"{first},{second},yes", f"{second},{third},yes"]
            rows += [f"{first},{third},no"]
        path = tmp_path / "answers.csv"
        path.write_text("\n".join([HEADER, *rows, "12,13,no", ""]))
        with caplog.at_level(logging.WARNING):
            found = read_answers(str(path), products)
        assert as_dict(found) == {(12, 13): False}
        assert caplog.text.count("but ") == 3
        assert "; and 1 more; they are left out" in caplog.text

    def test_nothing_at_all(self, read):
        with pytest.raises(GroupsError, match=r"but p0 and p2 are not\. Leave one"):
            read("p0,p1,yes", "p1,p2,yes", "p2,p0,no")


class TestFiles:
    def test_may_be_several_stores_and_tables(self, products, tmp_path):
        with AnswerStore(tmp_path / "a.sqlite") as store:
            store.add(Answer("group", ("p0", "p1"), ("p2",), (0, 0, -1), "Ann"))
            store.undo(store.add(Answer("pair", ("p3",), ("p4",), (0, 0))), "Ann")
        (tmp_path / "a.csv").write_text(f"{HEADER}\np2,p3,yes\n")
        paths = [str(tmp_path / name) for name in ("a.sqlite", "a.csv")]
        assert as_dict(read_answers(paths, products)) == {
            (0, 1): True,
            (0, 2): False,
            (1, 2): False,
            (2, 3): True,
        }
        assert len(read_answers(paths[0], products)) == 3

    def test_that_cannot_be_used(self, read, products, tmp_path):
        with pytest.raises(AnswersError, match="line 2 has same = 'maybe'"):
            read("p0,p1,maybe")
        with pytest.raises(AnswersError, match="does not exist"):
            read_answers(str(tmp_path / "nowhere.csv"), products)
