"""Which pairs of products people are asked about."""

import csv

import numpy as np
import pyarrow.parquet as pq
import pytest
from angles import at_degrees
from simulated import Curve, simulate

from cv_tf.config import GroupingSettings
from cv_tf.embeddings import Embeddings
from cv_tf.grouping import (
    Answers,
    Linked,
    Similarity,
    choose_questions,
    find_neighbors,
    link_by_model,
    read_answers,
    write_questions,
)
from cv_tf.grouping.linked import merges_of_pairs


def linked_pairs(number, curve=None, lowest=0.15):
    """So many merges of two products, at levels spread evenly up to 0.95."""
    catalog = simulate(curve, number, lowest=lowest)
    model = catalog.curve.model()
    similarity = Similarity(catalog.products.vectors)
    return Linked(catalog.products, None, similarity, catalog.dendrograms, model)


def linked_groups(number=150, seed=0):
    """Noisy variants, of which three and more merge."""
    random = np.random.default_rng(seed)
    vectors = random.standard_normal((number // 4, 8)).repeat(4, axis=0)
    vectors += 0.5 * random.standard_normal(vectors.shape)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    products = Embeddings.of_arrays(vectors.astype(np.float32))
    settings = GroupingSettings()
    return link_by_model(products, find_neighbors(products, settings), settings)


def merges_asked(linked, questions):
    found = merges_of_pairs(linked.dendrograms, questions.first, questions.second)
    return found.tolist()


class TestChoice:
    def test_each_is_about_the_two_groups_of_a_merge(self):
        linked = linked_groups()
        questions = choose_questions(linked, 40)
        assert len(questions.first) == len(questions.second) == 40
        merges = merges_asked(linked, questions)
        assert -1 not in merges
        assert len(set(merges)) == 40
        # Before its merge, the two were in two groups; right after it, in one.
        sizes = linked.dendrograms.evidence.num_pairs[merges]
        assert sizes.max() > 1

    def test_they_are_spread_evenly_over_the_levels(self):
        """Of 2,000 levels in 10 equal bands, each has a tenth, give or take."""
        linked = linked_pairs(2000)
        questions = choose_questions(linked, 100)
        levels = linked.dendrograms.similarities[merges_asked(linked, questions)]
        probability = linked.model.probability(levels, np.zeros(100))
        np.testing.assert_allclose(questions.probability, probability)
        assert 0.02 <= probability.min() < 0.05
        assert 0.9 < probability.max() <= 0.95
        bands, _ = np.histogram(levels, 10, (levels.min(), levels.max()))
        assert bands.min() >= 9
        assert bands.max() <= 11

    def test_all_members_of_a_group_may_be_asked_about(self):
        """The second merge is of two and one: either of the two stands for both."""
        vectors = at_degrees(0, 2, 50)
        products = Embeddings.of_arrays(vectors)
        settings = GroupingSettings(color="off")
        neighbors = find_neighbors(products, settings)
        known = Curve(0.6).model()
        linked = link_by_model(products, neighbors, settings, model=known)
        asked = {
            tuple(sorted((int(first), int(second))))
            for seed in range(30)
            for first, second, _ in zip(
                *choose_questions(linked, 5, seed=seed), strict=True
            )
        }
        # At 2 degrees nothing is in doubt.
        assert asked == {(0, 2), (1, 2)}

    @pytest.mark.parametrize("number", [7, 50, 500])
    def test_fewer_merges_than_wanted_are_all_asked_about(self, number):
        linked = linked_pairs(30)
        evidence = linked.dendrograms.evidence
        probability = linked.model.probability(evidence.cosine, evidence.color)
        doubtful = np.flatnonzero((probability >= 0.02) & (probability <= 0.95))
        assert 7 < len(doubtful) < 30
        merges = merges_asked(linked, choose_questions(linked, number))
        assert len(set(merges)) == len(merges) == min(number, len(doubtful))
        assert set(merges) <= set(doubtful.tolist())

    def test_what_is_answered_is_not_asked_again(self):
        linked = linked_groups()
        first = choose_questions(linked, 15)
        answers = Answers(first.first, first.second, np.ones(15, bool))
        later = choose_questions(linked, 1000, answers)
        assert len(later.first) > 15
        asked_before = set(merges_asked(linked, first))
        assert not asked_before & set(merges_asked(linked, later))
        everything = choose_questions(linked, 1000)
        assert len(everything.first) == len(later.first) + 15

    def test_once_all_is_answered_there_is_nothing_to_ask(self):
        linked = linked_pairs(30)
        rows = np.arange(30)
        answers = Answers(2 * rows, 2 * rows + 1, np.ones(30, bool))
        assert len(choose_questions(linked, 9, answers).first) == 0

    def test_nothing_in_doubt_is_nothing_to_ask(self):
        assert len(choose_questions(linked_pairs(5, Curve(0.1), 0.9), 9).first) == 0
        products = Embeddings.of_arrays(at_degrees(0, 180))
        settings = GroupingSettings()
        neighbors = find_neighbors(products, settings)
        linked = link_by_model(products, neighbors, settings)
        assert len(choose_questions(linked, 9).first) == 0

    def test_a_seed_chooses_them(self):
        linked = linked_pairs(500)
        first, again, other = (
            choose_questions(linked, 20, seed=seed) for seed in (0, 0, 1)
        )
        for one, two in zip(first, again, strict=True):
            np.testing.assert_array_equal(one, two)
        assert set(first.first.tolist()) != set(other.first.tolist())

    def test_they_may_be_left_off_at_any_point(self):
        """The first quarter of them is of all levels, and not the upper ones."""
        questions = choose_questions(linked_pairs(2000), 200)
        first = questions.probability[:50]
        assert first.min() < 0.1
        assert first.max() > 0.9
        everything = questions.probability.mean()
        assert first.mean() == pytest.approx(everything, abs=0.15)

    def test_former_groups_are_not_asked_about(self):
        products = Embeddings.of_arrays(at_degrees(0, 60, 120, 170))
        settings = GroupingSettings()
        neighbors = find_neighbors(products, settings)
        start = np.array([0, 0, 1, 2])
        linked = link_by_model(products, neighbors, settings, start=start)
        questions = choose_questions(linked, 9)
        pairs = set(
            zip(questions.first.tolist(), questions.second.tolist(), strict=True)
        )
        assert not pairs & {(0, 1), (1, 0)}


class TestFile:
    @pytest.fixture
    def products(self):
        """Seven products, of which the second is a copy of the first."""
        products = Embeddings.of_arrays(at_degrees(0, 0, 40, 80, 120, 160, 200))
        for row in range(7):
            products.product_id[row] = f"00{row}"
            products.image[row] = f"photos/{row}, front.jpg"
        return products

    @pytest.fixture
    def questions(self, products):
        settings = GroupingSettings()
        neighbors = find_neighbors(products, settings)
        linked = link_by_model(products.distinct, neighbors, settings)
        return choose_questions(linked, 4)

    @pytest.mark.parametrize("suffix", [".csv", ".parquet", ".pq", ".CSV"])
    def test_holds_both_products_and_room_for_an_answer(
        self, suffix, products, questions, tmp_path
    ):
        path = tmp_path / f"questions{suffix}"
        write_questions(path, questions, products)
        if suffix.lower() == ".csv":
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
        else:
            rows = pq.read_table(path).to_pylist()
        assert len(rows) == len(questions.first) > 0
        ids = products.distinct.product_id
        for row, first, second in zip(
            rows, questions.first, questions.second, strict=True
        ):
            assert list(row)[:3] == ["product_a", "product_b", "same"]
            assert row["product_a"] == ids[first]
            assert row["product_b"] == ids[second]
            assert row["same"] == ""
            assert row["image_a"] == f"photos/{int(ids[first])}, front.jpg"
            assert row["image_b"] == f"photos/{int(ids[second])}, front.jpg"
        assert [path.name for path in tmp_path.iterdir()] == [f"questions{suffix}"]

    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_filled_in_it_is_read_as_answers(
        self, suffix, products, questions, tmp_path
    ):
        path = tmp_path / f"questions{suffix}"
        write_questions(path, questions, products)
        said = ["yes" if i % 2 else "no" for i in range(len(questions.first))]
        if suffix == ".csv":
            lines = path.read_text().splitlines()
            filled = [
                line.replace('""', f'"{word}"', 1)
                for line, word in zip(lines[1:], said, strict=True)
            ]
            path.write_text("\n".join([lines[0], *filled, ""]))
        else:
            table = pq.read_table(path)
            place = table.column_names.index("same")
            pq.write_table(table.set_column(place, "same", [said]), path)
        answers = read_answers(str(path), products)
        asked = [set(pair) for pair in zip(*questions[:2], strict=True)]
        told = [set(pair) for pair in zip(answers.first, answers.second, strict=True)]
        assert told == asked
        assert answers.same.tolist() == [word == "yes" for word in said]

    def test_without_questions_it_has_its_columns(self, products, tmp_path):
        linked = linked_pairs(5, Curve(0.1), 0.9)
        path = tmp_path / "questions.csv"
        write_questions(path, choose_questions(linked, 9), products)
        header = "product_a,product_b,same,image_a,image_b"
        assert path.read_text().replace('"', "").strip() == header
