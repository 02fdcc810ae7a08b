import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

from cv_tf.models import Embedder, Whitening, build_backbone
from cv_tf.models.embedder import fit_square
from cv_tf.vision import LAYOUTS, pool_parts

SIZE = 32
LUMA = np.float32([0.299, 0.587, 0.114])


@pytest.fixture(scope="module")
def backbone():
    keras.utils.set_random_seed(0)
    return build_backbone("tiny", "none")


@pytest.fixture
def embedder(backbone):
    def build(**options):
        return Embedder(backbone, SIZE, **{"color_input": "rgb", **options})

    return build


def _photos(height=SIZE, width=SIZE, batch=3, seed=0):
    generator = np.random.default_rng(seed)
    # Smooth photos: noise would look alike to any network.
    coarse = generator.integers(0, 256, (batch, 4, 4, 3)).astype(np.float32)
    photos = tf.image.resize(coarse, (height, width), method="bicubic")
    return tf.cast(tf.clip_by_value(photos, 0, 255), tf.uint8).numpy()


def _unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def _grey(photos):
    return np.repeat(photos.astype(np.float32) @ LUMA[:, None], 3, axis=-1)


def _whole(backbone, pixels):
    """The mean feature, by the definition."""
    return _unit(backbone(tf.cast(pixels, tf.float32)).numpy().mean(axis=(1, 2)))


def _assert_same(one, other, atol=1e-5):
    np.testing.assert_allclose(one, other, atol=atol)


def test_whole_is_the_unit_mean_of_the_features(embedder, backbone):
    photos = _photos()
    vectors = embedder()(photos)
    assert vectors.dtype == tf.float32
    _assert_same(vectors, _whole(backbone, photos))
    _assert_same(np.linalg.norm(vectors, axis=1), 1)
    # The photos are told apart: the equalities of these tests say something.
    similarities = vectors.numpy() @ vectors.numpy().T
    assert similarities[~np.eye(3, dtype=bool)].max() < 0.999


@pytest.mark.parametrize("layout", LAYOUTS)
def test_parts_are_the_means_of_their_windows_side_by_side(embedder, backbone, layout):
    photos = _photos()
    features = backbone(tf.cast(photos, tf.float32))
    parts = pool_parts(features, layout).numpy()
    # Unit vectors in a row: their square lengths add up to their number.
    expected = _unit(parts.reshape(3, -1))
    _assert_same(embedder(embedding="parts", parts=layout)(photos), expected)


def test_grey_is_the_luma_in_all_channels(embedder, backbone):
    photos = _photos()
    vectors = embedder(color_input="grey")(photos)
    _assert_same(vectors, _whole(backbone, _grey(photos)))


def test_changes_of_hue_alone_are_not_seen_in_grey(embedder):
    photos = _photos(20, 30).astype(np.float32)
    recolored = _grey(photos)
    grey, rgb = embedder(color_input="grey"), embedder(color_input="rgb")
    _assert_same(grey(recolored), grey(photos), atol=1e-4)
    assert np.abs(rgb(recolored) - rgb(photos)).max() > 0.01


def test_both_colors_are_the_two_vectors_with_equal_weight(embedder):
    photos = _photos()
    rgb, grey = (embedder(color_input=color)(photos) for color in ("rgb", "grey"))
    expected = np.concatenate([rgb, grey], axis=1) / np.sqrt(2)
    _assert_same(embedder(color_input="both")(photos), expected)


@pytest.mark.parametrize(
    ("average", "renderings"),
    [
        ("none", [lambda x: x]),
        ("inverse", [lambda x: x, lambda x: 255 - x]),
        ("mirror", [lambda x: x, lambda x: x[:, :, ::-1]]),
        (
            "all",
            [
                lambda x: x,
                lambda x: 255 - x,
                lambda x: x[:, :, ::-1],
                lambda x: 255 - x[:, :, ::-1],
            ],
        ),
    ],
)
def test_average_is_the_unit_mean_over_the_renderings(embedder, average, renderings):
    photos = _photos()
    one = embedder(embedding="parts")
    expected = _unit(np.sum([one(render(photos)) for render in renderings], axis=0))
    _assert_same(embedder(embedding="parts", average=average)(photos), expected)


@pytest.mark.parametrize(
    ("average", "inverse", "mirror"),
    [
        ("none", False, False),
        ("inverse", True, False),
        ("mirror", False, True),
        ("all", True, True),
    ],
)
@pytest.mark.parametrize("width", few(20, more=[SIZE]))
def test_averages_do_not_see_what_they_average_over(
    embedder, average, inverse, mirror, width
):
    photos = _photos(SIZE, width)
    embed = embedder(average=average, color_input="grey")
    for unseen, changed in ((inverse, 255 - photos), (mirror, photos[:, :, ::-1])):
        difference = np.abs(embed(changed) - embed(photos)).max()
        assert difference < 1e-4 if unseen else difference > 1e-3


@pytest.mark.parametrize(("height", "width"), [(16, 32), (32, 9), (25, 32)])
def test_other_shapes_are_padded_not_squashed(embedder, backbone, height, width):
    photos = _photos(height, width)
    squares = np.empty((3, SIZE, SIZE, 3))
    top, left = (SIZE - height) // 2, (SIZE - width) // 2
    for square, photo in zip(squares, photos.astype(np.float64), strict=True):
        edges = [*photo[0], *photo[-1], *photo[:, 0], *photo[:, -1]]
        square[:] = np.mean(edges, axis=0)
        square[top : top + height, left : left + width] = photo
    _assert_same(embedder()(photos), _whole(backbone, squares), atol=1e-4)


def test_other_sizes_are_scaled(embedder, backbone):
    photos = _photos(100, 75)
    expected = _whole(backbone, fit_square(photos, SIZE))
    _assert_same(embedder()(photos), expected)
    # The same product photographed larger is nearly the same vector.
    similarities = np.sum(embedder()(photos) * embedder()(_photos(50, 38)), axis=1)
    assert similarities.min() > 0.99


@pytest.mark.integration
def test_sizes_unknown_when_traced_make_no_difference(embedder):
    embed = embedder(average="all", color_input="both", embedding="parts")
    spec = tf.TensorSpec([None, None, None, 3], tf.uint8)
    traced = tf.function(embed, input_signature=[spec])
    for height, width in ((33, 47), (SIZE, SIZE), (7, 120)):
        photos = _photos(height, width)
        _assert_same(traced(photos), embed(photos), atol=1e-4)


def test_a_photo_embeds_alone_as_it_does_among_others(embedder):
    photos = _photos(40, 50)
    embed = embedder(average="inverse", embedding="parts")
    together = embed(photos)
    for i in range(3):
        _assert_same(embed(photos[i : i + 1]), together[i : i + 1])
    _assert_same(embed.predict(photos, batch_size=2, verbose=0), together)


@pytest.fixture
def whitening(embedder):
    vectors = embedder()(_photos(batch=40, seed=1)).numpy()
    return Whitening.fit(vectors, dimensions=5, power=0.5)


def test_whitening_comes_last(embedder, whitening):
    photos = _photos()
    plain, whitened = embedder(), embedder(whitening=whitening)
    _assert_same(whitened.describe(photos), plain(photos))
    _assert_same(whitened(photos), whitening(plain(photos)))
    assert whitened(photos).shape == (3, 5)


def test_other_options_share_the_backbone(embedder, backbone, whitening):
    photos = _photos()
    first = embedder(average="mirror", embedding="parts", parts="halves")
    second = first.with_options(embedding="whole", whitening=whitening)
    assert second.backbone is backbone
    assert second.average == "mirror"
    assert second.parts == "halves"
    expected = embedder(average="mirror", whitening=whitening)(photos)
    _assert_same(second(photos), expected)
    # The first stays as it was.
    expected = embedder(average="mirror", embedding="parts", parts="halves")(photos)
    _assert_same(first(photos), expected)


@pytest.mark.parametrize(
    ("color_input", "expected"), [("grey", "grey"), ("rgb", "rgb"), ("both", "rgb")]
)
def test_color_in_training(embedder, color_input, expected):
    assert embedder(color_input=color_input).color_in_training == expected


def test_features_are_those_of_the_backbone(embedder, backbone):
    pixels = tf.cast(_photos(), tf.float32)
    features = embedder().features(pixels)
    np.testing.assert_allclose(features, backbone(pixels), rtol=1e-4, atol=1e-6)


def test_it_follows_weights_that_change_after_its_first_use(embedder, backbone):
    model, pixels = embedder(), tf.cast(_photos(), tf.float32)
    model.features(pixels)
    before = backbone.get_weights()
    try:
        backbone.set_weights([0.9 * weight for weight in before])
        features, expected = model.features(pixels), backbone(pixels)
    finally:
        backbone.set_weights(before)
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-6)


OPTIONS = (
    {},
    {"average": "inverse", "color_input": "grey", "name": "cvssl"},
    {"average": "all", "color_input": "both", "embedding": "parts", "parts": "thirds"},
)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("called", few(True, more=[False]))
def test_saved_and_loaded_it_is_the_same(tmp_path, embedder, options, called):
    photos = _photos(40, 30)
    saved = embedder(**options)
    if called:
        saved(photos)
    saved.save(tmp_path / "embedder.keras")
    loaded = Embedder.load(tmp_path / "embedder.keras")
    assert isinstance(loaded, Embedder)
    np.testing.assert_array_equal(loaded(photos), saved(photos))
    # It has all that the other had, but for automatic names.
    loaded.save(tmp_path / "again.keras")
    content = (tmp_path / "embedder.keras").read_bytes()
    assert (tmp_path / "again.keras").read_bytes() == content
    assert loaded.average == saved.average
    assert (loaded.name == saved.name) == ("name" in options)
    # What is frozen stays so: three kernels are left to train.
    assert len(loaded.trainable_weights) == len(saved.trainable_weights) == 3


def test_whitening_is_saved_with_it(tmp_path, embedder, whitening):
    photos = _photos(40, 30)
    saved = embedder(whitening=whitening)
    saved.save(tmp_path / "embedder.keras")
    loaded = Embedder.load(str(tmp_path / "embedder.keras"))
    np.testing.assert_array_equal(loaded(photos), saved(photos))
    assert loaded.whitening.power == whitening.power
    # A model that was loaded can be saved again.
    loaded.save(tmp_path / "again.keras")
    again = Embedder.load(tmp_path / "again.keras")
    np.testing.assert_array_equal(again(photos), saved(photos))


def test_loading_does_not_run_the_network(tmp_path, embedder, monkeypatch):
    embedder(average="all", color_input="both").save(tmp_path / "embedder.keras")
    monkeypatch.setattr(Embedder, "features", None)
    assert Embedder.load(tmp_path / "embedder.keras").built


@pytest.mark.parametrize("options", OPTIONS)
def test_the_config_makes_the_same_model_with_new_weights(embedder, options):
    config = embedder(**options).get_config()
    copy = Embedder.from_config(config)
    assert copy.get_config() == config
    assert copy.backbone is not embedder().backbone


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_vectors_are_float32_under_mixed_precision(embedder, backbone, precision):
    photos = _photos(40, 30)
    expected = embedder(average="inverse", embedding="parts")(photos)
    keras.mixed_precision.set_global_policy(precision)
    try:
        half = build_backbone("tiny", "none")
        half.set_weights(backbone.get_weights())
        mixed = Embedder(
            half, SIZE, color_input="rgb", average="inverse", embedding="parts"
        )
    finally:
        keras.mixed_precision.set_global_policy("float32")
    vectors = mixed(photos)
    assert half.layers[-1].compute_dtype == precision.removeprefix("mixed_")
    assert vectors.dtype == tf.float32
    _assert_same(np.linalg.norm(vectors, axis=1), 1)
    assert np.sum(vectors * expected, axis=1).min() > 0.999


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color_input": "gray"}, "color_input is 'gray'; choose one of: rgb, grey"),
        ({"average": "flip"}, "average is 'flip'; choose one of: none, inverse"),
        ({"embedding": "part"}, "embedding is 'part'; choose one of: whole, parts"),
        ({"parts": "grid"}, "no part layout 'grid'. Choose one of corners_center"),
    ],
)
def test_options_that_do_not_exist_are_refused(embedder, options, message):
    with pytest.raises(ValueError, match=message):
        embedder(**options)


def test_a_missing_file_says_where_files_come_from(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no Embedder at '.*x\.keras'"):
        Embedder.load(tmp_path / "x.keras")


@pytest.mark.slow
@pytest.mark.integration
def test_variants_are_near_each_other_on_real_photos(hm_dev):
    # 24 styles from six kinds of product, in two colors each.
    lines = (hm_dev / "catalog.csv").read_text().splitlines()[1:]
    rows = [line.split(",") for line in lines]
    kinds = ("Trousers", "Bra", "Bag", "Sunglasses", "Boots", "Sweater")
    chosen = []
    for kind in kinds:
        styles = {}
        for _, image, style, _, category, _ in rows:
            if category == kind:
                styles.setdefault(style, []).append((image, style, kind))
        pairs = [photos[:2] for photos in styles.values() if len(photos) > 1]
        chosen += [photo for pair in pairs[:4] for photo in pair]
    photos = [
        fit_square(tf.io.decode_jpeg((hm_dev / image).read_bytes())[None], 128)
        for image, _, _ in chosen
    ]
    backbone = build_backbone("efficientnetlite_b0")
    embedder = Embedder(backbone, 128, color_input="grey", average="inverse")
    vectors = embedder.predict(tf.concat(photos, axis=0), batch_size=16, verbose=0)
    similarities = vectors @ vectors.T - 2 * np.eye(len(vectors))
    nearest = similarities.argmax(axis=1)
    _, styles, kinds = (np.array(column) for column in zip(*chosen, strict=True))
    assert np.mean(kinds[nearest] == kinds) > 0.9  # By chance: 0.15
    assert np.mean(styles[nearest] == styles) > 0.4  # By chance: 0.02
