import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

from cv_tf.models import Whitening


def _sample(samples=200, dimensions=5, seed=0):
    """Correlated vectors off the origin, with deviations from 1 to 1 / 16."""
    generator = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(generator.normal(size=(dimensions, dimensions)))
    scales = 0.5 ** np.arange(dimensions)
    vectors = generator.normal(size=(samples, dimensions)) * scales @ rotation
    return (vectors + generator.normal(size=dimensions)).astype(np.float32)


def _components(vectors):
    """Deviations, largest first, and the directions they belong to, by numpy."""
    covariance = np.cov(vectors.astype(np.float64), rowvar=False)
    variances, directions = np.linalg.eigh(covariance)
    return np.sqrt(np.maximum(variances[::-1], 0)), directions[:, ::-1]


def _scaled(layer, vectors):
    """What the layer computes, before it makes unit vectors."""
    return (vectors - layer.mean.numpy()) @ layer.projection.numpy()


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_four_points_by_hand():
    # Along x they lie at -3 and 3, along y at -1 and 1: variances 12 and 4 / 3. Their
    # sum over four points is 10 / 3.
    points = np.float32([[-3, -1], [-3, 1], [3, -1], [3, 1]]) + [10, 20]
    layer = Whitening.fit(points, dimensions=2, power=1.0)
    np.testing.assert_allclose(layer.mean, [10, 20])
    expected = np.diag([1 / np.sqrt(12 + 10 / 3), 1 / np.sqrt(4 / 3 + 10 / 3)])
    np.testing.assert_allclose(np.abs(layer.projection), expected, atol=1e-6)
    coordinates = np.float32([3, 1]) @ expected
    expected = np.tile(_unit(coordinates[np.newaxis]), (4, 1))
    np.testing.assert_allclose(np.abs(layer(points)), expected, atol=1e-6)


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_components_are_those_of_numpy_over_their_damped_deviations(power):
    vectors = _sample()
    deviations, directions = _components(vectors)
    damped = np.sqrt(deviations**2 + np.sum(deviations**2) / len(vectors))
    layer = Whitening.fit(vectors, dimensions=3, power=power)
    centered = vectors - vectors.mean(axis=0)
    expected = centered @ (directions / damped**power)[:, :3]
    signs = np.sign(np.sum(expected * _scaled(layer, vectors), axis=0))
    np.testing.assert_allclose(_scaled(layer, vectors), expected * signs, atol=1e-4)
    np.testing.assert_allclose(layer(vectors), _unit(expected * signs), atol=1e-4)


def test_power_1_makes_all_components_equally_loud_where_there_are_many_photos():
    vectors = _sample(samples=100_000)
    scaled = _scaled(Whitening.fit(vectors, dimensions=5, power=1.0), vectors)
    np.testing.assert_allclose(np.cov(scaled, rowvar=False), np.eye(5), atol=0.01)


@pytest.mark.parametrize(("samples", "dimensions"), [(200, 5), (8, 20), (8, 9)])
def test_power_0_only_centers_and_rotates(samples, dimensions):
    vectors = _sample(samples, dimensions)
    scaled = _scaled(Whitening.fit(vectors, dimensions, power=0.0), vectors)
    between = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    np.testing.assert_allclose(
        np.linalg.norm(scaled[:, None] - scaled[None], axis=2), between, atol=1e-4
    )


def test_directions_that_do_not_vary_are_not_magnified():
    # Three dimensions that vary, three that are sums of them: rank 3.
    vectors = _sample(dimensions=3) @ np.float32(np.eye(3, 6) + np.eye(3, 6, k=3))
    scaled = _scaled(Whitening.fit(vectors, dimensions=6, power=1.0), vectors)
    assert np.all(np.var(scaled[:, :3], axis=0) > 0.7)
    np.testing.assert_allclose(scaled[:, 3:], 0, atol=1e-4)
    # A vector that leaves the span is not thrown far away by a tiny deviation.
    layer = Whitening.fit(vectors, dimensions=6, power=1.0)
    stranger = vectors[:1] + np.float32([[0, 0, 0, 0.5, 0, 0]])
    assert np.abs(_scaled(layer, stranger)).max() < 20


def _catalogue(num_photos, seed):
    """Embeddings of 1,200 dimensions whose variances fall like those of a network's.

    The k-th direction has a variance of 1 / k. Products are pairs of one design, which
    makes up half of the variance of the strongest directions and most of the others'.
    """
    generator = np.random.default_rng(seed)
    deviations = np.arange(1, 1201) ** -0.5
    design = generator.normal(size=(num_photos // 2, 1200)).repeat(2, axis=0)
    own = generator.normal(size=design.shape)
    share = np.where(np.arange(1200) < 8, 0.8, 0.5)
    vectors = (np.sqrt(1 - share) * design + np.sqrt(share) * own) * deviations
    return vectors.astype(np.float32), np.arange(num_photos // 2).repeat(2)


def _recall(vectors, styles):
    """The share of products whose nearest other one is of their style."""
    similarity = _unit(vectors) @ _unit(vectors).T
    np.fill_diagonal(similarity, -np.inf)
    return (styles[similarity.argmax(axis=1)] == styles).mean()


@pytest.mark.parametrize(
    ("num_photos", "dimensions"),
    few((20, 256), (100, 256), more=[(700, 1024), (1000, 1024)]),
)
def test_few_photos_are_retrieved_at_least_as_well_as_without_whitening(
    num_photos, dimensions
):
    plain, whitened, undamped = [], [], []
    for seed in range(3 if num_photos <= 100 else 1):
        vectors, styles = _catalogue(num_photos, seed)
        centered = vectors - vectors.mean(axis=0)
        layer = Whitening.fit(vectors, dimensions)
        plain.append(_recall(centered, styles))
        whitened.append(_recall(layer(vectors).numpy(), styles))
        left, deviations, _ = np.linalg.svd(centered, full_matrices=False)
        undamped.append(_recall(left[:, deviations > 1e-4 * deviations[0]], styles))
    assert np.mean(whitened) >= np.mean(plain)
    assert np.mean(undamped) < np.mean(plain) - 0.1


@pytest.mark.parametrize("num_photos", [20, 100, 200])
def test_other_products_are_retrieved_as_well_as_without_whitening(num_photos):
    """Also those that differ where the few photos did not."""
    plain, whitened = [], []
    for seed in range(3):
        learned, _ = _catalogue(num_photos, seed)
        vectors, styles = _catalogue(400, seed + 100)
        layer = Whitening.fit(learned, dimensions=256)
        assert layer.dimensions == 256
        plain.append(_recall(vectors - learned.mean(axis=0), styles))
        whitened.append(_recall(layer(vectors).numpy(), styles))
    assert np.mean(whitened) >= np.mean(plain) - 0.01


def test_fewer_photos_than_dimensions_keep_every_distance():
    """What three components say is whole, and what else there is fits in as it is."""
    vectors = _sample(samples=4, dimensions=8)
    layer = Whitening.fit(vectors, dimensions=8)
    assert layer.dimensions == 8
    deviations, directions = _components(vectors)
    error = np.sum(deviations**2) / 4
    metric = (directions / (deviations**2 + error)) @ directions.T
    others = _sample(samples=9, dimensions=8, seed=1)
    expected = np.einsum("nd,de,me->nm", others, metric, others)
    projection = layer.projection.numpy()
    ours = others @ projection @ projection.T @ others.T
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-2)


def test_what_few_photos_do_not_span_is_kept_on_average():
    vectors = _sample(samples=4, dimensions=400)
    layer = Whitening.fit(vectors, dimensions=100)
    assert layer.dimensions == 100
    generator = np.random.default_rng(0)
    outside = generator.normal(size=(50, 400))
    span, _ = np.linalg.qr((vectors[1:] - vectors[0]).T)
    outside -= outside @ span @ span.T
    error = np.trace(np.cov(vectors, rowvar=False)) / 4
    lengths = np.linalg.norm(outside @ layer.projection.numpy(), axis=1)
    expected = np.linalg.norm(outside, axis=1) / np.sqrt(error)
    np.testing.assert_allclose(lengths, expected, rtol=0.25)
    np.testing.assert_allclose(lengths.mean(), expected.mean(), rtol=0.03)


def test_dimensions_are_those_wanted_or_all_that_there_are():
    assert Whitening.fit(_sample(dimensions=5), dimensions=512).dimensions == 5
    assert Whitening.fit(_sample(samples=2, dimensions=5)).dimensions == 5
    assert Whitening.fit(_sample(samples=2, dimensions=5), 2).dimensions == 2


def test_results_are_float32_unit_vectors_whatever_comes_in():
    vectors = _sample()
    layer = Whitening.fit(vectors, dimensions=3)
    for dtype in (tf.float16, tf.float32, tf.float64):
        whitened = layer(tf.cast(vectors, dtype))
        assert whitened.dtype == tf.float32
        np.testing.assert_allclose(np.linalg.norm(whitened, axis=1), 1, atol=1e-5)
    far = layer(vectors * 1000)
    np.testing.assert_allclose(np.linalg.norm(far, axis=1), 1, atol=1e-5)


def test_the_same_sample_gives_the_same_layer():
    # Wide enough for the decomposition that starts from random directions.
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(600, 520)).astype(np.float32)
    one, other = (Whitening.fit(vectors, dimensions=8, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.projection, other.projection)


def test_it_is_never_trained():
    layer = Whitening.fit(_sample())
    assert layer.trainable_weights == []
    assert [w.name for w in layer.weights] == ["mean:0", "projection:0"]


def test_a_new_one_keeps_what_comes_in():
    vectors = _sample()
    np.testing.assert_allclose(Whitening(5, 5)(vectors), _unit(vectors), atol=1e-6)


def test_saved_with_a_model(tmp_path):
    vectors = _sample()
    layer = Whitening.fit(vectors, dimensions=3, power=0.5)
    model = keras.Sequential([keras.Input((5,)), layer])
    model.save(tmp_path / "whitening.keras")
    loaded = keras.models.load_model(tmp_path / "whitening.keras")
    np.testing.assert_array_equal(loaded(vectors), layer(vectors))
    assert loaded.layers[-1].get_config() == layer.get_config()
    assert layer.get_config()["power"] == 0.5


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones((1, 4)), r"at least two photos to learn from, got 1.*--whiten=none"),
        (np.ones((0, 4)), r"at least two photos to learn from, got 0"),
        (np.ones((9, 4)), r"9 photos that are all the same.*--whiten=none"),
    ],
)
def test_samples_that_teach_nothing_are_refused(vectors, message):
    with pytest.raises(ValueError, match=message):
        Whitening.fit(vectors)


def test_refined_by_hand():
    # Whitened already, so that only the pairs count. Both differ along x, by 1 and by
    # 3: the covariance of the differences is diag(5, 0), and 5 / 2 pairs is added.
    points = np.float32([[0, 0], [1, 0], [0, 2], [3, 2]])
    layer = Whitening(2, 2)
    refined = layer.refine(points, np.array([[0, 1], [2, 3]]))
    expected = np.diag([1 / np.sqrt(7.5), 1 / np.sqrt(2.5)])
    np.testing.assert_allclose(refined.projection, expected, atol=1e-6)
    np.testing.assert_array_equal(refined.mean, layer.mean)
    # The second pair counts a third: diag((1 + 9 / 3) / (4 / 3), 0) = diag(3, 0), and
    # 3 / (4 / 3) is added.
    refined = layer.refine(points, np.array([[0, 1], [2, 3]]), np.array([1, 1 / 3]))
    expected = np.diag([1 / np.sqrt(5.25), 1 / np.sqrt(2.25)])
    np.testing.assert_allclose(refined.projection, expected, atol=1e-6)


def test_refining_brings_variants_closer_than_others():
    # The last of four directions is all noise: it alone differs between variants.
    generator = np.random.default_rng(0)
    designs = generator.normal(size=(300, 4)) * [1, 1, 1, 0]
    noise = [0.1, 0.1, 0.1, 1.0]
    first = designs + generator.normal(size=(300, 4)) * noise
    second = designs + generator.normal(size=(300, 4)) * noise
    vectors = np.concatenate([first, second]).astype(np.float32)
    pairs = np.stack([np.arange(300), np.arange(300) + 300], axis=1)
    layer = Whitening.fit(vectors, dimensions=4)

    def share_found(layer):
        similarity = layer(vectors[:300]).numpy() @ layer(vectors[300:]).numpy().T
        return (similarity.argmax(axis=1) == np.arange(300)).mean()

    # Learned from one half of the pairs, and seen on all.
    assert share_found(layer.refine(vectors, pairs[:150])) > share_found(layer) + 0.1


def test_few_pairs_change_little_and_none_nothing():
    vectors = _sample(dimensions=50)
    layer = Whitening.fit(vectors, dimensions=50)
    assert layer.refine(vectors, np.zeros((0, 2), int)) is layer
    assert layer.refine(vectors, np.array([[3, 3]])) is layer  # No difference at all.
    one = layer.refine(vectors, np.array([[0, 1]]))(vectors).numpy()
    similarity = np.sum(one * layer(vectors).numpy(), axis=1)
    assert np.median(similarity) > 0.9


def test_the_first_dimensions_are_those_of_all_of_length_1():
    known, new = _sample(seed=0), _sample(seed=1)
    layer = Whitening.fit(known, dimensions=5)
    expected = _unit(layer(new).numpy()[:, :2])
    first = layer.first(2)
    assert first.dimensions == 2
    np.testing.assert_allclose(first(new), expected, atol=1e-5)
    assert layer(new).shape == (200, 5)
