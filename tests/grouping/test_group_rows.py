"""The rows of the file of groups: their order, their colors, and what is copied."""

import dataclasses

import numpy as np
import pytest

from cv_tf.catalog import objects
from cv_tf.embeddings import Copies, Embeddings
from cv_tf.grouping import (
    Confidence,
    Grouped,
    GroupsError,
    Linked,
    Named,
    order_rows,
    read_copies,
    read_earlier,
    read_groups,
    write_groups,
)
from cv_tf.grouping.group_files import to_table

# Two groups of two, one of three, and three of one.
NAMES = ["b", "a", "one", "b", "a", "c", "two", "c", "three", "c"]
IDS = ["b", "a", "one", "b2", "a2", "c", "two", "c2", "three", "c3"]
SURE = [0.6, 0.9, 0.5, 0.8, 0.95, 0.99, 0.7, 0.8, 0.7, 0.9]


def _grouped(names, sure, vectors=None):
    count = len(names)
    if vectors is None:
        vectors = np.tile(np.float32([1, 0]), (count, 1))
    distinct = Embeddings.of_arrays(np.asarray(vectors, np.float32))
    none = np.full(count, -1, np.int32)
    _, group, size = np.unique(names, return_inverse=True, return_counts=True)
    ids = objects(IDS[:count] if count <= len(IDS) else list(map(str, range(count))))
    return Grouped(
        product_id=ids,
        named=Named(objects(names)),
        size=size[group],
        confidence=Confidence(np.array(sure), none, np.full(count, -np.inf)),
        linked=Linked(distinct, None, None, None, None),
        threshold=0.5,
        same_color=(),
        copies=Copies(np.arange(count)),
        copies_across_blocks=Copies(np.arange(count)),
    )


@pytest.fixture
def grouped():
    return _grouped(NAMES, SURE)


def _in_order(grouped):
    return to_table(grouped).take(order_rows(grouped))


def test_the_surest_groups_are_first_and_groups_of_one_last(grouped):
    table = _in_order(grouped)
    # Means: a 0.925, c 0.8967, b 0.7. Vectors are equal, so that the first id of a
    # group stands for it.
    assert table["product_id"].to_pylist() == (
        ["a", "a2", "c", "c3", "c2", "b", "b2", "two", "three", "one"]
    )
    assert table["group_confidence"].to_pylist() == (
        [0.925, 0.925, 0.8967, 0.8967, 0.8967, 0.7, 0.7, 0.7, 0.7, 0.5]
    )


def test_the_representative_is_first_even_where_others_are_surer():
    vectors = [[1, 0], [0.8, 0.6], [0, 1]]
    grouped = _grouped(["g"] * 3, [0.9, 0.2, 0.8], vectors)
    assert _in_order(grouped)["product_id"].to_pylist() == ["a", "b", "one"]


def test_what_is_equal_stays_in_the_order_of_the_catalogue():
    grouped = _grouped(["y", "x", "y", "x"], [0.80001, 0.8, 0.8, 0.80003])
    assert order_rows(grouped).tolist() == [0, 2, 1, 3]


def test_rows_of_a_group_are_together_and_every_product_is_there_once():
    rng = np.random.default_rng(0)
    names = [f"g{n}" for n in rng.integers(0, 40, 200)]
    grouped = _grouped(names, rng.choice([0.5, 0.75, 0.8], 200))
    order = order_rows(grouped)
    assert sorted(order) == list(range(200))
    in_order = np.array(names)[order]
    assert (in_order[1:] != in_order[:-1]).sum() + 1 == len(set(names))
    table = _in_order(grouped)
    shown = table.filter(np.array(table["group_size"]) > 1)
    mean = np.array(shown["group_confidence"])
    assert (np.diff(mean) <= 0).all()
    own = np.array(shown["confidence"])
    stands = np.array(shown["representative"]) == np.array(shown["product_id"])
    starts = np.array(shown["group_id"])[1:] != np.array(shown["group_id"])[:-1]
    assert (stands == np.concatenate([[True], starts])).all()
    follow = ~stands[1:] & ~stands[:-1]
    assert (np.diff(own)[follow] <= 0).all()


@pytest.mark.parametrize("name", ["g.csv", "g.parquet"])
def test_readers_know_groups_whatever_their_order(name, grouped, tmp_path):
    copies = Copies(np.array([0, 1, 2, 0, 4, 5, 6, 7, 8, 9]))
    grouped = dataclasses.replace(grouped, copies=copies, copies_across_blocks=copies)
    path = str(tmp_path / name)
    write_groups(tmp_path / name, grouped)
    assert read_groups(path) == dict(zip(IDS, NAMES, strict=True))
    assert read_earlier(path).group_of == read_groups(path)
    assert read_copies(path) == {"b2": "b"}


class TestColors:
    @pytest.fixture
    def embeddings(self):
        lab = np.full((10, 3), np.nan, np.float32)
        lab[:3] = [[20, 0, 0], [90, 0, 0], [48, 57, 32]]
        vectors = np.tile(np.float32([1, 0]), (10, 1))
        return dataclasses.replace(
            Embeddings.of_arrays(vectors, lab=lab),
            color=objects(["Ecru", "", "", *[""] * 6, "Sand"]),
        )

    def _columns(self, table):
        ids = table["product_id"].to_pylist()
        pairs = zip(
            table["color"].to_pylist(), table["color_source"].to_pylist(), strict=True
        )
        return dict(zip(ids, pairs, strict=True))

    def test_are_those_of_the_table_and_else_of_the_photo(self, grouped, embeddings):
        found = self._columns(to_table(grouped, embeddings))
        assert found["b"] == ("Ecru", "table")
        assert found["a"] == ("white", "photo")
        assert found["one"] == ("red", "photo")
        assert found["c3"] == ("Sand", "table")
        assert found["a2"] == (None, None)

    def test_may_be_those_of_photos_alone(self, grouped, embeddings):
        photos = dataclasses.replace(embeddings, color=None)
        found = self._columns(to_table(grouped, photos))
        assert found["b"] == ("black", "photo")
        assert found["c3"] == (None, None)

    def test_are_not_known_without_table_and_photo(self, grouped, embeddings):
        neither = dataclasses.replace(embeddings, color=None, lab=None)
        assert set(self._columns(to_table(grouped, neither)).values()) == {(None, None)}


class TestKeptColumns:
    @pytest.fixture
    def embeddings(self):
        vectors = np.tile(np.float32([1, 0]), (10, 1))
        titles = objects(["=1+1", "A", "", *"defghij"])
        extras = {"title": titles, "price": objects(["-5"] * 10)}
        return dataclasses.replace(Embeddings.of_arrays(vectors), extras=extras)

    def test_are_the_last_and_go_with_their_products(self, grouped, embeddings):
        table = to_table(grouped, embeddings, ["price", "title"])
        assert table.column_names[-2:] == ["price", "title"]
        title = dict(
            zip(
                table["product_id"].to_pylist(), table["title"].to_pylist(), strict=True
            )
        )
        assert (title["b"], title["one"], title["c3"]) == ("=1+1", None, "j")

    def test_formulas_are_marked_unless_they_are_to_be_left(
        self, grouped, embeddings, tmp_path
    ):
        write_groups(tmp_path / "marked.csv", grouped, embeddings, ["title"])
        write_groups(tmp_path / "left.csv", grouped, embeddings, ["title"], False)
        assert '"\'=1+1"' in (tmp_path / "marked.csv").read_text()
        assert '"=1+1"' in (tmp_path / "left.csv").read_text()
        assert "'" not in (tmp_path / "left.csv").read_text()

    def test_cannot_have_the_name_of_another(self, grouped, embeddings):
        extras = {**embeddings.extras, "state": embeddings.extras["title"]}
        with pytest.raises(GroupsError, match="column 'state' cannot be copied"):
            to_table(grouped, dataclasses.replace(embeddings, extras=extras), ["state"])
