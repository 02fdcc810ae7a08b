"""Tables of answers, as people fill them in."""

import logging

import numpy as np
import pytest
from angles import at_degrees

from cv_tf.answers import AnswersError
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

    def test_two_copies_of_one_photo_are_no_pair(self, read):
        assert read("p0,p5,no", "p2,p3,yes") == {(2, 3): True}
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


class TestFiles:
    def test_that_cannot_be_used(self, read, products, tmp_path):
        with pytest.raises(AnswersError, match="line 2 has same = 'maybe'"):
            read("p0,p1,maybe")
        with pytest.raises(AnswersError, match="does not exist"):
            read_answers(str(tmp_path / "nowhere.csv"), products)
