"""From photos to vectors, batch by batch."""

import dataclasses
import hashlib

import numpy as np
import pytest
import tf_keras as keras

from cv_tf import files
from cv_tf.catalog import read_catalog
from cv_tf.embeddings import embed, embed_with_color, fingerprint
from cv_tf.embeddings.compute import embed_batches
from cv_tf.models import Embedder, Inference, Whitening
from cv_tf.pipeline import Photos, load_photos
from cv_tf.vision import product_color

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def photos(drawn_catalog) -> Photos:
    return load_photos(read_catalog(drawn_catalog), 32, progress=False)


def squares_of(photos: Photos) -> np.ndarray:
    """The squares in the order of the catalogue; a scan keeps them in another one."""
    return photos.squares(np.arange(len(photos)))


@pytest.fixture(scope="module")
def vectors(embedder, photos) -> np.ndarray:
    return embed(embedder, photos)


class TestEmbed:
    def test_is_what_the_embedder_says_row_by_row(self, embedder, photos, vectors):
        assert vectors.shape == (45, 64)
        expected = embedder(squares_of(photos)).numpy()
        np.testing.assert_allclose(vectors, expected, atol=1e-5)

    def test_does_not_depend_on_batch_or_neighbors(self, embedder, photos, vectors):
        seven = embed(embedder, photos, batch_size=7)
        np.testing.assert_array_equal(seven, vectors)
        rows = np.array([40, 3, 17])
        some = embed(embedder, photos.select(rows))
        np.testing.assert_array_equal(some, vectors[rows])

    def test_one_inference_serves_several_calls(self, embedder, photos, vectors):
        model = Inference(embedder)
        for rows in (np.arange(45), np.arange(30)):
            found = embed(model, photos.select(rows))
            np.testing.assert_array_equal(found, vectors[rows])

    def test_before_whitening(self, embedder, photos, vectors):
        whitened = embedder.with_options(whitening=Whitening.fit(vectors, 8))
        plain = embed(whitened.with_options(whitening=None), photos)
        np.testing.assert_array_equal(plain, vectors)
        assert embed(whitened, photos).shape == (45, 8)

    @pytest.mark.integration
    def test_shows_progress_if_it_has_a_name(
        self, embedder, photos, capsys, monkeypatch
    ):
        monkeypatch.setattr("cv_tf.progress._EVERY", 0)  # Quick work tells, too.
        embed(embedder, photos, batch_size=20)
        assert capsys.readouterr().err == ""
        embed(embedder, photos, batch_size=20, progress="Looking")
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("Looking: 45 done")


class TestWithColor:
    def test_vectors_stay_and_colors_come_with_them(self, embedder, photos, vectors):
        found = embed_with_color(embedder, photos, batch_size=20)
        np.testing.assert_array_equal(found.vectors, vectors)
        assert found.lab.dtype == np.float32
        np.testing.assert_allclose(
            found.lab, product_color(squares_of(photos)), atol=1e-3
        )
        assert found.product_id.tolist() == photos.catalog.product_id.tolist()


class TestBatches:
    def test_come_one_after_another(self, embedder, photos, vectors):
        batches = list(embed_batches(Inference(embedder), photos, 20))
        assert [len(batch) for batch in batches] == [20, 20, 5]
        assert {type(batch) for batch in batches} == {np.ndarray}
        np.testing.assert_array_equal(np.concatenate(batches), vectors)

    def test_of_several_outputs_at_once(self, embedder, photos):
        model = Inference(embedder, with_color=True)
        lengths = [tuple(map(len, batch)) for batch in embed_batches(model, photos, 44)]
        assert lengths == [(44, 44), (1, 1)]

    @pytest.mark.parametrize("in_memory", [True, False])
    def test_without_photos_there_are_none(self, in_memory, embedder, photos):
        none = photos.select(np.arange(0))
        if not in_memory:
            none = dataclasses.replace(none, pixels=None, places=None)
        assert list(embed_batches(Inference(embedder), none, 20)) == []


class TestFingerprint:
    @pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 40])
    def test_of_no_embedder_is_the_sha256(self, size, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "_READ_AT_ONCE", 8)
        content, path = bytes(range(size)), tmp_path / "embedder.keras"
        path.write_bytes(content)
        expected = hashlib.sha256(content).hexdigest()
        assert fingerprint(path) == fingerprint(str(path)) == expected

    @pytest.fixture
    def made(self, tmp_path):
        """A function that makes an Embedder and returns its file."""

        def make(name="", scale=1.0, **options):
            images = keras.Input((None, None, 3), name=name or None)
            convolution = keras.layers.Conv2D(4, 1, name=f"of_{name}" if name else None)
            model = keras.Model(images, keras.layers.ReLU()(convolution(images)))
            kernel = np.linspace(-scale, scale, 12, dtype=np.float32)
            convolution.set_weights([kernel.reshape(1, 1, 3, 4), np.zeros(4)])
            model.trainable = not name
            path = tmp_path / f"{len([*tmp_path.iterdir()])}.keras"
            Embedder(model, **{"image_size": 16, **options}).save(path)
            return path

        return make

    def test_does_not_depend_on_names_or_on_training(self, made):
        first, second, named = made(), made(), made("images")
        assert first.read_bytes() == second.read_bytes() != named.read_bytes()
        assert fingerprint(first) == fingerprint(second) == fingerprint(named)

    def test_depends_on_all_that_vectors_depend_on(self, made):
        paths = [
            made(),
            made(scale=1 + 1e-6),
            made(image_size=17),
            made(color_input="rgb"),
            made(average="mirror"),
            made(whitening=Whitening(4, 3)),
        ]
        assert len({*map(fingerprint, paths)}) == len(paths)

    def test_follows_a_file_that_changes(self, made):
        path = made()
        before = fingerprint(path)
        made(scale=2.0).replace(path)
        assert fingerprint(path) != before

    def test_of_a_file_by_plain_keras_is_the_sha256(self, made, tmp_path):
        """Files of earlier versions are such, and vectors know them by it."""
        path = tmp_path / "plain.keras"
        keras.Model.save(Embedder.load(made()), path)
        expected = hashlib.sha256(path.read_bytes()).hexdigest()
        assert fingerprint(path) == expected
