"""What is learned from and what is reported on share no style."""

import numpy as np
import pytest

from cv_tf.catalog import Catalog, CatalogError
from cv_tf.training import has_variants, sample_styles, split_catalog


def catalog(styles: list[int], splits: list[str] | None = None) -> Catalog:
    n = len(styles)
    return Catalog(
        name="shop.csv",
        product_id=np.array([f"p{i}" for i in range(n)], object),
        image=np.array([f"{i}.jpg" for i in range(n)], object),
        style=np.array(styles, np.int32),
        block=np.zeros(n, np.int32),
        block_names=("all",),
        split=None if splits is None else np.array(splits, object),
        color=None,
        box=None,
        line=np.arange(2, n + 2, dtype=np.int32),
    )


class TestByColumn:
    def test_rows_of_the_two_values(self):
        table = catalog([0, 1, 0, 2, 1, 3], ["a", "b", "a", "c", "b", "c"])
        split = split_catalog(table, "a", "c")
        assert split.train.tolist() == [0, 2]
        assert split.evaluation.tolist() == [3, 5]
        assert split.source == "splits 'a' and 'c'"

    def test_unknown_styles_may_be_in_both(self):
        split = split_catalog(catalog([-1, 0, -1], ["a", "a", "b"]), "a", "b")
        assert split.train.tolist() == [0, 1]

    def test_a_style_in_both_is_refused(self):
        table = catalog([0, 0, 1, 1, 2, 3], ["a", "b", "a", "b", "a", "b"])
        with pytest.raises(CatalogError, match=r"2 styles .*'a' and in 'b'"):
            split_catalog(table, "a", "b")

    @pytest.mark.parametrize("names", [("learn", "b"), ("a", "learn")])
    def test_a_value_that_is_not_there_is_refused(self, names):
        with pytest.raises(CatalogError, match=r"'learn'.*\['a', 'b'\]"):
            split_catalog(catalog([0, 1], ["a", "b"]), *names)


STYLES = [0, 0, 1, 1, 2, 2, 3, -1, 4, 4, 4, 5, 6, 7, -1]


class TestHeldOut:
    def test_a_quarter_of_the_styles(self):
        table = catalog(STYLES)
        split = split_catalog(table, "train", "validation", seed=3)
        reported = set(table.style[split.evaluation])
        assert len(reported) == 2
        assert split.source == "2 of 8 styles held out"
        # Whole styles; products without one are learned from.
        expected = [i for i, s in enumerate(STYLES) if s in reported]
        assert split.evaluation.tolist() == expected
        assert sorted([*split.train, *split.evaluation]) == list(range(15))

    def test_is_the_same_for_a_seed_and_another_for_others(self):
        def chosen(seed):
            return tuple(split_catalog(catalog(STYLES), "", "", seed).evaluation)

        assert chosen(5) == chosen(5)
        assert len({chosen(seed) for seed in range(10)}) > 3

    def test_few_styles(self):
        split = split_catalog(catalog([0, 0, 1]), "", "")
        assert len(split.evaluation) in (1, 2)

    def test_without_labels_everything_is_learned_from(self):
        split = split_catalog(catalog([-1, -1, -1]), "train", "validation")
        assert split.train.tolist() == [0, 1, 2]
        assert split.evaluation.tolist() == []
        assert split.source == "no labels"


@pytest.mark.parametrize(
    ("styles", "expected"),
    [([0, 1, 0], True), ([0, 1, 2], False), ([-1, -1], False), ([], False)],
)
def test_has_variants(styles, expected):
    assert has_variants(np.array(styles, np.int32)) is expected


class TestSample:
    STYLES = np.array([4, 7, 4, -1, 9, 9, 9, -1])

    @pytest.mark.parametrize("seed", range(5))
    def test_whole_styles_and_unknown_ones_by_themselves(self, seed):
        rows = sample_styles(self.STYLES, 4, seed)
        assert 0 < len(rows) <= 4
        assert rows.tolist() == sorted(rows.tolist())
        for style in (4, 7, 9):
            taken = (self.STYLES[rows] == style).sum()
            whole = self.STYLES.tolist().count(style)
            assert taken in (0, whole)

    def test_all_where_there_is_room(self):
        assert sample_styles(self.STYLES, 8, 0).tolist() == list(range(8))

    def test_the_seed_decides(self):
        def drawn():
            return [tuple(sample_styles(self.STYLES, 4, seed)) for seed in range(9)]

        first = drawn()
        assert len(set(first)) > 1
        assert drawn() == first

    def test_a_style_larger_than_the_sample_is_taken_where_it_comes_first(self):
        assert sample_styles(np.zeros(5, int), 2, 0).tolist() == [0, 1, 2, 3, 4]
