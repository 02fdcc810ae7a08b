"""From an Embedder and photos to figures."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import tf_keras as keras

from cv_tf.catalog import Catalog, read_catalog
from cv_tf.config import Config
from cv_tf.embeddings import Embeddings, embed, embed_with_color
from cv_tf.grouping import calibrate_on, expected_threshold, find_groups, group
from cv_tf.methods import build_embedder
from cv_tf.metrics import (
    Resampling,
    evaluate_embeddings,
    figures_among_all,
    grouping_figures,
    retrieval_figures,
)
from cv_tf.models import Embedder, Whitening
from cv_tf.pipeline import Photos, load_photos, photos_of
from cv_tf.training import embedder_evaluation as evaluation, evaluate_catalog
from cv_tf.training.embedder_evaluation import evaluate_new, find_threshold


@pytest.fixture(scope="module")
def photos(drawn_catalog) -> Photos:
    return load_photos(read_catalog(drawn_catalog), 32, progress=False)


@pytest.fixture(scope="module")
def config() -> Config:
    return Config(
        backbone="tiny",
        weights="none",
        image_size=32,
        average="none",
        embedding="whole",
    )


@pytest.fixture(scope="module")
def embedder(config) -> Embedder:
    keras.utils.set_random_seed(0)
    return build_embedder(config)


@pytest.fixture(scope="module")
def vectors(embedder, photos) -> np.ndarray:
    return embed(embedder, photos)


def halves(photos: Photos) -> tuple[Photos, Photos]:
    return tuple(
        photos.select(np.flatnonzero(photos.catalog.split == split))
        for split in ("train", "validation")
    )


class TestThreshold:
    @pytest.mark.parametrize("criterion", ["f1", "fms"])
    def test_is_that_of_the_calibration(self, criterion, photos, vectors, config):
        config = dataclasses.replace(config, criterion=criterion)
        lab = np.random.default_rng(0).uniform(0, 99, (45, 3)).astype(np.float32)
        # Twice as many products in each block.
        blocks = np.tile(photos.catalog.block, 2)
        known = Embeddings.of_catalog(photos.catalog, vectors, lab)
        threshold, model = find_threshold(known, blocks, config)
        calibration = calibrate_on(known, config, criterion, blocks)
        assert threshold == calibration.threshold
        assert model.summary() == calibration.model.summary()

    def test_given_is_given(self, photos, config):
        given = dataclasses.replace(config, threshold="0.625")
        assert find_threshold(None, photos.catalog.block, given) == (0.625, None)

    def test_expected_is_that_of_the_groups_without_labels(
        self, photos, vectors, config
    ):
        lab = np.random.default_rng(0).uniform(0, 99, (45, 3)).astype(np.float32)
        reported = Embeddings.of_catalog(photos.catalog, vectors, lab)
        threshold, model = expected_threshold(reported, config)
        groups = find_groups(reported, None, None, config)
        assert threshold == groups.threshold
        assert model.summary() == groups.linked.model.summary()
        np.testing.assert_array_equal(
            group(reported, threshold, config, model=model), group(reported)
        )

    def test_expected_looks_at_no_label(self, photos, vectors, config):
        others = photos.with_styles(np.arange(45) // 5).catalog
        first, second = (
            expected_threshold(Embeddings.of_catalog(catalog, vectors), config)
            for catalog in (photos.catalog, others)
        )
        assert first[0] == second[0]

    def test_without_variants_there_is_none(self, photos, vectors, config):
        catalog = photos.with_styles(np.arange(45)).catalog
        alone = Embeddings.of_catalog(catalog, vectors)
        assert find_threshold(alone, catalog.block, config) is None


class TestNewEmbedder:
    @pytest.mark.integration
    def test_groups_of_the_expected_threshold(self, embedder, photos, config):
        known, reported = halves(photos)
        config = dataclasses.replace(config, threshold="expected")
        result = evaluate_new(embedder, known, reported, config)
        groups = find_groups(result.reported, None, None, config)
        assert result.figures["threshold"] == groups.threshold
        figures = grouping_figures(groups.group_number, reported.catalog.style)
        assert result.figures["fms"] == pytest.approx(figures["fms"])

    @pytest.mark.integration
    def test_figures_are_those_of_the_metrics(self, embedder, photos, config):
        known, reported = halves(photos)
        result = evaluate_new(embedder, known, reported, config)
        found = embed_with_color(result.embedder, reported)
        known = embed_with_color(result.embedder, known)
        chosen = find_threshold(known, found.block, config)
        expected = evaluate_embeddings(found, chosen[0], config, chosen[1])
        expected |= figures_among_all(found, known).means()
        counts = {"num_products": 15, "num_rejects": 0}
        assert result.figures == pytest.approx(expected | counts, abs=1e-6)
        assert result.embedded.photos is reported
        np.testing.assert_array_equal(result.embedded.vectors, found.vectors)

    @pytest.mark.integration
    def test_results_have_the_names_of_styles(self, embedder, photos, config):
        known, reported = halves(photos)
        result = evaluate_new(embedder, known, reported, config)
        assert set(result.results.style) == set(reported.catalog.style_id)
        again = result.results.scores(Resampling(result.results.style))
        for name, score in again.items():
            assert score.value == pytest.approx(result.figures[name])
        assert "map_at_r_in_block_with_color_among_all" in again

    @pytest.mark.integration
    def test_of_a_sample_of_the_known_nothing_is_said_of_all(
        self, embedder, photos, config, monkeypatch
    ):
        monkeypatch.setattr(evaluation, "_MOST_LEARNED_FROM", 20)
        result = evaluate_new(embedder, *halves(photos), config)
        assert not any(name.endswith("_among_all") for name in result.figures)

    def test_known_styles_are_those_of_the_reported_by_name(self, photos):
        known, reported = halves(photos)
        numbered = known.with_styles(np.zeros(len(known)))
        styles = evaluation._styles_of_reported(numbered.catalog, reported.catalog)
        assert set(styles) == {-1}
        both = evaluation._styles_of_reported(photos.catalog, reported.catalog)
        held_out = photos.catalog.split == "validation"
        assert (both >= 0).tolist() == held_out.tolist()
        np.testing.assert_array_equal(both[held_out], reported.catalog.style)

    @pytest.mark.integration
    def test_whitening_is_of_the_known_products(self, embedder, photos, config):
        known, reported = halves(photos)
        result = evaluate_new(embedder, known, reported, config)
        descriptors = embed(embedder, known)
        np.testing.assert_allclose(
            result.embedder.whitening.mean, descriptors.mean(axis=0), atol=1e-5
        )

    @pytest.mark.integration
    def test_labels_of_the_reported_do_not_choose_the_threshold(
        self, embedder, photos, config
    ):
        known, reported = halves(photos)
        random = np.random.default_rng(0)
        other = reported.with_styles(random.permutation(reported.catalog.style))
        first = evaluate_new(embedder, known, reported, config)
        second = evaluate_new(embedder, known, other, config)
        assert first.figures["threshold"] == second.figures["threshold"]
        assert first.figures["recall_at_5"] != second.figures["recall_at_5"]

    @pytest.mark.integration
    def test_labels_of_the_known_do(self, embedder, photos, config):
        config = dataclasses.replace(config, whiten="none")
        known, reported = halves(photos)
        one_style = known.with_styles(known.catalog.block)
        first = evaluate_new(embedder, known, reported, config)
        second = evaluate_new(embedder, one_style, reported, config)
        assert first.figures["threshold"] > second.figures["threshold"]
        assert first.figures["recall_at_1"] == second.figures["recall_at_1"]

    @pytest.mark.integration
    def test_without_known_variants_retrieval_alone(self, embedder, photos, config):
        known, reported = halves(photos)
        alone = known.with_styles(np.full(len(known), -1))
        result = evaluate_new(embedder, alone, reported, config)
        found, others = (
            embed_with_color(result.embedder, it) for it in (reported, alone)
        )
        expected = retrieval_figures(found) | figures_among_all(found, others).means()
        counts = {"num_products": 15, "num_rejects": 0}
        assert result.figures == expected | counts

    @pytest.mark.integration
    def test_without_reported_variants_counts_alone(self, embedder, photos, config):
        known, reported = halves(photos)
        alone = reported.with_styles(np.arange(15))
        result = evaluate_new(embedder, known, alone, config)
        assert result.figures == {"num_products": 15, "num_rejects": 0}
        assert result.embedder.whitening is not None
        assert result.embedded.photos is known
        vectors = embed(result.embedder, known)
        np.testing.assert_allclose(result.embedded.vectors, vectors, atol=1e-6)


class TestSavedEmbedder:
    @pytest.fixture
    def path(self, embedder, vectors, tmp_path) -> Path:
        whitened = embedder.with_options(whitening=Whitening.fit(vectors, 8))
        whitened(np.zeros((1, 32, 32, 3), np.uint8))
        whitened.save(tmp_path / "embedder.keras")
        return tmp_path / "embedder.keras"

    @pytest.mark.integration
    def test_calibrates_on_the_one_split_and_reports_on_the_other(
        self, path, photos, config, drawn_catalog
    ):
        figures = evaluate_catalog(config, read_catalog(drawn_catalog), path).figures
        whitened = Embedder.load(path)
        known, reported = halves(photos)
        found = embed_with_color(whitened, reported)
        others = embed_with_color(whitened, known)
        chosen = find_threshold(others, found.block, config)
        expected = evaluate_embeddings(found, chosen[0], config, chosen[1])
        expected |= figures_among_all(found, others).means()
        assert figures == expected | {"num_products": 15, "num_rejects": 0}

    @pytest.mark.integration
    def test_given_threshold_needs_no_calibration(
        self, path, config, drawn_catalog, monkeypatch
    ):
        given = dataclasses.replace(config, threshold="-1", color="off")
        monkeypatch.delattr(evaluation, "calibrate_on")
        figures = evaluate_catalog(given, read_catalog(drawn_catalog), path).figures
        # Everything is one group in each of the two categories.
        _, reported = halves(photos_of(read_catalog(drawn_catalog), given, 32))
        catalog: Catalog = reported.catalog
        expected = grouping_figures(catalog.block, catalog.style)
        assert {key: figures[key] for key in expected} == expected
        assert figures["threshold"] == -1


class TestSample:
    @pytest.fixture
    def cap(self, monkeypatch):
        monkeypatch.setattr(evaluation, "_MOST_LEARNED_FROM", 20)

    def sizes(self, photos: Photos) -> dict[int, int]:
        styles, counts = np.unique(photos.catalog.style, return_counts=True)
        return dict(zip(styles.tolist(), counts.tolist(), strict=True))

    def test_small_catalogues_are_taken_whole(self, photos):
        assert evaluation._sample(photos, 0) is photos

    @pytest.mark.parametrize("seed", range(5))
    def test_takes_whole_styles(self, cap, photos, seed):
        sample = evaluation._sample(photos, seed)
        assert 17 < len(sample) <= 20
        whole = self.sizes(photos)
        assert all(whole[s] == n for s, n in self.sizes(sample).items())

    def test_depends_on_the_seed_alone(self, cap, photos):
        def ids(seed):
            return tuple(evaluation._sample(photos, seed).catalog.product_id)

        assert ids(1) == ids(1)
        assert len({ids(seed) for seed in range(5)}) > 1

    def test_products_without_a_style_stand_alone(self, cap, photos):
        unlabelled = photos.with_styles(np.full(45, -1))
        assert len(evaluation._sample(unlabelled, 0)) == 20

    def test_a_style_larger_than_the_sample_is_no_trap(self, cap, photos):
        styles = np.zeros(45)
        styles[:5] = [1, 1, 2, 3, 4]
        for seed in range(5):
            assert len(evaluation._sample(photos.with_styles(styles), seed)) > 0


@pytest.mark.integration
class TestKnownProducts:
    """Retrieval among the products that were learned from."""

    def test_figures_are_those_of_the_metrics(self, embedder, photos, config):
        known, reported = halves(photos)
        result = evaluate_new(embedder, known, reported, config, measure_known=True)
        expected = retrieval_figures(embed_with_color(result.embedder, known))
        expected |= {"num_products": 30}
        assert result.trained_on == pytest.approx(expected, abs=1e-6)
        assert result.recalls.num_products == 15

    def test_only_where_they_are_asked_for_and_labelled(self, embedder, photos, config):
        known, reported = halves(photos)
        result = evaluate_new(embedder, known, reported, config)
        assert (result.trained_on, result.recalls) == ({}, None)
        alone = known.with_styles(np.full(len(known), -1))
        result = evaluate_new(embedder, alone, reported, config, measure_known=True)
        assert (result.trained_on, result.recalls) == ({}, None)

    def test_without_reported_variants_they_have_figures_all_the_same(
        self, embedder, photos, config
    ):
        known, reported = halves(photos)
        alone = reported.with_styles(np.arange(15))
        result = evaluate_new(embedder, known, alone, config, measure_known=True)
        assert result.trained_on["num_products"] == 30
        assert result.recalls is None

    def test_as_many_products_of_both_are_compared(self):
        """Each style is two equal vectors, far from all others, in the one sample."""
        styles = np.arange(20).repeat(2)
        generator = np.random.default_rng(0)
        designs = generator.normal(size=(20, 64))[styles]
        designs /= np.linalg.norm(designs, axis=1, keepdims=True)
        random = generator.permutation(designs)

        def products(number, vectors):
            ids = np.array([f"p{row}" for row in range(number)], object)
            catalog = Catalog(
                *("some", ids, ids, styles[:number], np.zeros(number, int), ("all",)),
                *(None, None, None, np.arange(number)),
            )
            lab = np.full((number, 3), np.nan)
            return Embeddings.of_catalog(catalog, np.float32(vectors[:number]), lab)

        recalls = evaluation._compare(
            products(40, designs), products(12, random), Config()
        )
        assert recalls.num_products == 12
        assert recalls.trained_on == 1
        assert recalls.held_out < 0.5

    @pytest.mark.parametrize(
        ("trained_on", "held_out", "error", "expected"),
        [
            (0.343, 1.0, 0.05, "Warning: recall@1 in block is 0.343 among 27 products"),
            (0.95, 0.7, 0.05, "Note: recall@1 in block is 0.950"),
            (0.7, 0.78, 0.01, ""),  # Less than 0.1 is not worth a word,
            (0.6, 0.85, 0.1, ""),  # nor is what may be chance.
        ],
    )
    def test_far_apart_is_told(self, trained_on, held_out, error, expected):
        recalls = evaluation.Recalls(trained_on, held_out, 27, error)
        assert recalls.warning()[: len(expected) or None] == expected
