from itertools import product

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

from cv_tf.inspection import part_agreement
from cv_tf.inspection.agreement import compare_parts, split_parts, split_similarity
from cv_tf.models import Embedder, Whitening, build_backbone
from cv_tf.vision import LAYOUTS

SIZE = 32


class TestComparedParts:
    def test_by_hand(self):
        first = np.array([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
        second = np.array([[6.0, 8.0], [0.0, 5.0], [0.0, -1.0], [1.0, 0.0]])
        similarities, weights = compare_parts(first, second)
        assert similarities == pytest.approx([1, 0, -1, 0.5**0.5])
        assert weights == pytest.approx([50, 5, 2, 2**0.5])

    def test_parts_without_features(self):
        first, second = np.array([[0.0], [0.0]]), np.array([[0.0], [2.0]])
        similarities, weights = compare_parts(first, second)
        assert (similarities.tolist(), weights.tolist()) == ([1, 0], [0, 0])


def test_descriptors_are_split_by_parts():
    assert split_parts(np.arange(6)[None], 3).tolist() == [[[0, 1], [2, 3], [4, 5]]]
    # Two parts of RGB, then two of grey.
    both = split_parts(np.arange(8)[None], 2, num_colors=2)
    assert both.tolist() == [[[0, 1, 4, 5], [2, 3, 6, 7]]]


def pixel_embedder(**options):
    """One whose features are the pixels."""
    images = keras.Input((None, None, 3))
    network = keras.Model(images, keras.layers.Rescaling(1 / 255)(images))
    options = {
        "color_input": "rgb",
        "embedding": "parts",
        "parts": "grid_2x2",
    } | options
    return Embedder(network, SIZE, **options)


def photos(changed=None):
    """Two photos that differ in no more than one quarter."""
    generator = np.random.default_rng(0)
    pair = np.repeat(generator.integers(0, 256, (1, SIZE, SIZE, 3), np.uint8), 2, 0)
    if changed is not None:
        pair[1][changed] = [200, 10, 10]
    return pair


@pytest.mark.parametrize("average", ["none", "inverse", "mirror", "all"])
@pytest.mark.parametrize("color_input", ["rgb", "grey", "both"])
def test_a_photo_agrees_with_itself_in_each_part(average, color_input):
    embedder = pixel_embedder(average=average, color_input=color_input)
    agreement = part_agreement(embedder, photos(), "grid_2x2")
    assert agreement.similarities == pytest.approx(np.ones(4), abs=1e-5)
    assert agreement.joint == pytest.approx(1, abs=1e-5)
    assert agreement.whole == pytest.approx(1, abs=1e-5)


def test_a_change_in_one_part_shows_there_and_nowhere_else():
    quarter = np.s_[: SIZE // 2, SIZE // 2 :]
    agreement = part_agreement(pixel_embedder(), photos(quarter), "grid_2x2")
    assert agreement.similarities[[0, 2, 3]] == pytest.approx([1, 1, 1], abs=1e-5)
    assert agreement.similarities[1] < 0.9


def test_a_change_on_one_side_shows_in_the_symmetric_part():
    middle = np.s_[SIZE // 5 + 1 : 2 * SIZE // 5, SIZE // 5 * 4 + 2 :]
    agreement = part_agreement(pixel_embedder(), photos(middle), "symmetric_5x5")
    assert np.argmin(agreement.similarities) == 3
    assert np.delete(agreement.similarities, 3).min() > 0.999


def test_parts_are_averaged_over_photo_and_inversion_as_the_embedder_does():
    """By the definition: unit vectors of both renderings, added, part by part."""
    one, other = photos(np.s_[:, : SIZE // 2]) / 255.0
    features = []
    for photo in (one, other):
        halves = [
            np.stack([r[: SIZE // 2].mean((0, 1)), r[SIZE // 2 :].mean((0, 1))])
            for r in (photo, 1 - photo)
        ]
        features.append(sum(half / np.linalg.norm(half) for half in halves))
    expected = [
        a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        for a, b in zip(*features, strict=True)
    ]
    embedder = pixel_embedder(average="inverse", parts="halves")
    pair = photos(np.s_[:, : SIZE // 2])
    agreement = part_agreement(embedder, pair, "halves")
    assert agreement.similarities == pytest.approx(expected, abs=1e-5)
    assert expected[0] < 0.999


@pytest.mark.parametrize(
    ("color_input", "layout"),
    few(
        ("both", "overlapping_3x3"),
        ("grey", "halves"),
        more=product(("grey", "both"), LAYOUTS),
    ),
)
def test_parts_by_their_weights_make_the_similarity_before_whitening(
    layout, color_input
):
    keras.utils.set_random_seed(0)
    embedder = Embedder(
        build_backbone("tiny", "none"),
        SIZE,
        color_input=color_input,
        average="inverse",
        embedding="parts",
        parts=layout,
    )
    pair = photos(np.s_[:10, 5:])
    agreement = part_agreement(embedder, pair, layout)
    first, second = embedder.describe(tf.constant(pair)).numpy()
    assert agreement.joint == pytest.approx(first @ second, abs=1e-5)
    assert agreement.whole == pytest.approx(agreement.joint, abs=1e-5)
    assert agreement.similarities.min() < 0.9999
    # Without whitening, a part adds its similarity by its weight.
    added = agreement.weights * agreement.similarities
    assert agreement.contributions == pytest.approx(added, abs=1e-5)


def test_the_whole_is_whitened():
    generator = np.random.default_rng(0)
    whitening = Whitening.fit(generator.normal(size=(50, 12)).astype(np.float32), 5)
    embedder = pixel_embedder(whitening=whitening)
    pair = photos(np.s_[:10])
    agreement = part_agreement(embedder, pair, "grid_2x2")
    first, second = embedder(pair).numpy()
    assert agreement.whole == pytest.approx(first @ second, abs=1e-6)
    assert agreement.joint == pytest.approx(
        part_agreement(pixel_embedder(), pair, "grid_2x2").joint, abs=1e-6
    )
    assert agreement.whole != pytest.approx(agreement.joint, abs=1e-2)


class TestContributions:
    def whitening(self, mean, projection):
        projection = np.asarray(projection, np.float32)
        layer = Whitening(*projection.shape)
        layer.set_weights([np.asarray(mean, np.float32), projection])
        return layer

    def test_by_hand(self):
        """Two parts of one channel each."""
        pair = np.array([[0.6, 0.8], [0.8, 0.6]])
        assert split_similarity(pair, None, 2) == pytest.approx([0.48, 0.48])
        # Less the mean (0.6, 0.6), and the second part doubled: (0, 0.4), (0.2, 0).
        apart = self.whitening([0.6, 0.6], [[1, 0], [0, 2]])
        assert split_similarity(pair, apart, 2) == pytest.approx([0, 0], abs=1e-6)
        # Both parts, less 0.2, are added up: 0.4 + 0.6 and 0.6 + 0.4 are 1.
        summed = self.whitening([0.2, 0.2], [[1], [1]])
        assert split_similarity(pair, summed, 2) == pytest.approx([0.5, 0.5])

    def test_one_part_may_speak_against(self):
        """(1, 0.5) and (1, -0.5) agree in the first part and differ in the second."""
        pair = np.array([[1.0, 0.5], [1.0, -0.5]]) / 1.25**0.5
        assert split_similarity(pair, None, 2) == pytest.approx([0.8, -0.2])
        identity = self.whitening([0, 0], np.eye(2))
        assert split_similarity(pair, identity, 2) == pytest.approx([0.8, -0.2])

    @pytest.mark.parametrize("color_input", ["rgb", "grey", "both"])
    def test_they_add_up_to_the_whitened_similarity(self, color_input):
        size = 24 if color_input == "both" else 12
        known = np.random.default_rng(0).normal(size=(50, size)).astype(np.float32)
        embedder = pixel_embedder(
            color_input=color_input, whitening=Whitening.fit(known, 5)
        )
        agreement = part_agreement(embedder, photos(np.s_[:10]), "grid_2x2")
        assert agreement.contributions.shape == (4,)
        assert agreement.contributions.sum() == pytest.approx(agreement.whole, abs=1e-5)

    def test_a_change_in_one_part_costs_most_there(self):
        quarter = np.s_[: SIZE // 2, SIZE // 2 :]
        same = part_agreement(pixel_embedder(), photos(), "grid_2x2")
        other = part_agreement(pixel_embedder(), photos(quarter), "grid_2x2")
        assert np.argmax(same.contributions - other.contributions) == 1

    @pytest.mark.parametrize("options", [{"embedding": "whole"}, {"parts": "halves"}])
    def test_there_are_none_of_parts_that_are_not_compared(self, options):
        embedder = pixel_embedder(**options)
        assert part_agreement(embedder, photos(), "grid_2x2").contributions is None


def test_an_embedder_of_wholes_is_asked_for_its_parts():
    pair = photos(np.s_[: SIZE // 2, SIZE // 2 :])
    whole = part_agreement(pixel_embedder(embedding="whole"), pair, "grid_2x2")
    parts = part_agreement(pixel_embedder(), pair, "grid_2x2")
    assert whole.similarities == pytest.approx(parts.similarities)
    assert whole.whole != pytest.approx(parts.whole, abs=1e-4)
