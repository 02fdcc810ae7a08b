"""Which kinds of questions are asked, and that all random groups come to be asked."""

import numpy as np
import pytest

from cv_tf.answers import Answer, AnswerStore
from cv_tf.embeddings import Embeddings
from cv_tf.reviewing import RandomShare, Review


@pytest.fixture
def review(tmp_path):
    """Sixteen products: pairs of variants, single ones, and one alone in its block."""
    random = np.random.default_rng(0)
    centers = random.normal(size=(10, 6))
    styles = np.repeat(np.arange(10), [2, 2, 2, 2, 2, 1, 1, 1, 2, 1])
    vectors = centers[styles] + random.normal(0, 0.25, (16, 6))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    block = np.where(np.arange(16) == 15, 1, 0)
    embeddings = Embeddings.of_arrays(vectors.astype(np.float32), block)
    with AnswerStore(tmp_path / "answers.sqlite") as store:
        yield Review(embeddings, store, threshold=0.6)


def _all_of(review, kind):
    """Every question of a kind, each answered as it is proposed."""
    asked = []
    while question := review.ask("Ann", kind):
        asked.append(question)
        assert len(asked) < 100
        said = Answer(*question[:4], by="Ann", stratum=question.stratum)
        review.say(said)
    return asked


@pytest.mark.parametrize("kind", ["pair", "line-up"])
def test_all_are_of_the_kind_that_is_chosen(review, kind):
    asked = _all_of(review, kind)
    assert asked
    assert {it.kind for it in asked} == {kind}
    assert all(len(it.inside) == 1 for it in asked)


def test_groups_have_several_products(review):
    asked = _all_of(review, "group")
    assert asked
    assert all(len(it.inside) > 1 for it in asked)
    assert not any(it.stratum for it in asked)


def test_random_groups_are_asked_about_until_all_are_answered(review):
    asked = _all_of(review, "random")
    products = [name for it in asked for name in it.inside]
    assert sorted(products, key=int) == [str(n) for n in range(15)]
    assert all(it.stratum for it in asked)
    assert review.quality().precision.estimate == pytest.approx(1)


def test_products_that_are_alone_are_not_drawn():
    has_beside = np.arange(12) % 11 > 0
    share = RandomShare(np.arange(12), np.linspace(0, 1, 12), has_beside)
    drawn = {}
    while (name := share.next(drawn, ())) is not None:
        drawn[name] = share.stratum(name)
    assert sorted(drawn) == list(range(1, 11))
    assert sum(int(name.split(" of ")[1]) for name in set(drawn.values())) == 10
