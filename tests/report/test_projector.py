"""Vectors, names and photos, as TensorBoard's projector reads them."""

import dataclasses
import io
import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins.projector import ProjectorConfig
from tensorboard.plugins.projector.projector_plugin import ProjectorPlugin

from cv_tf.catalog import read_catalog
from cv_tf.embeddings import embed
from cv_tf.models import Embedder
from cv_tf.pipeline import Photos, load_photos, photos_of
from cv_tf.report import tensorboard, write_projector
from cv_tf.report.tensorboard import draw_sprite, metadata


@pytest.fixture(scope="module")
def photos(drawn_catalog) -> Photos:
    return load_photos(read_catalog(drawn_catalog), 32, progress=False)


@pytest.fixture(scope="module")
def vectors(photos) -> np.ndarray:
    """Unit vectors, some of whose numbers are very small."""
    random = np.random.default_rng(0)
    vectors = random.normal(size=(len(photos), 5)) ** 9
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


@pytest.fixture
def written(tmp_path):
    """A function that writes photos and vectors, and returns the projector's folder."""

    def write(photos, vectors):
        write_projector(tmp_path / "shown", photos, vectors)
        return tmp_path / "shown" / "projector"

    return write


def embedding_of(folder: Path):
    text = (folder / "projector_config.pbtxt").read_text()
    (embedding,) = text_format.Parse(text, ProjectorConfig()).embeddings
    return embedding


def tiles_of(picture: np.ndarray, side: int) -> np.ndarray:
    """The tiles of a picture, row by row, as TensorBoard cuts it."""
    num_rows, num_columns = (length // side for length in picture.shape[:2])
    rows = np.split(picture, num_rows)
    return np.stack([tile for row in rows for tile in np.split(row, num_columns, 1)])


def squares_of(photos):
    """The squares in the order of the catalogue; a scan keeps them in another one."""
    return photos.squares(np.arange(len(photos)))


def test_config_names_files_that_go_together(photos, vectors, written):
    folder = written(photos, vectors)
    embedding = embedding_of(folder)
    read = np.loadtxt(folder / embedding.tensor_path, np.float32, delimiter="\t")
    np.testing.assert_array_equal(read, vectors)
    lines = (folder / embedding.metadata_path).read_text().split("\n")
    assert lines[0] == "product_id\tstyle_id\tblock\tcolor\tsplit"
    assert lines[1] == "00-black\tstyle 0\tTrousers\tblack\ttrain"
    assert len(lines) == 1 + 45 + 1
    assert lines[45:] == ["17-crimson\tstyle 17\tShirts\tcrimson\tvalidation", ""]
    sprite = np.asarray(Image.open(folder / embedding.sprite.image_path))
    assert list(embedding.sprite.single_image_dim) == [64, 64]
    assert sprite.shape == (7 * 64, 7 * 64, 3)
    tiles = tiles_of(sprite, 64)
    means = squares_of(photos).mean(axis=(1, 2))
    np.testing.assert_allclose(tiles[:45].mean(axis=(1, 2)), means, atol=3)
    assert tiles[45:].min() > 250


def test_tiles_are_the_photos_made_smaller_or_larger(photos):
    tiles = tiles_of(draw_sprite(photos.select(np.arange(3))), 64)
    assert len(tiles) == 4
    for tile, photo in zip(tiles, squares_of(photos)[:3], strict=False):
        np.testing.assert_array_equal(tile, photo.repeat(2, axis=0).repeat(2, axis=1))
    assert (tiles[3] == 255).all()
    large = load_photos(photos.catalog, 128, progress=False)
    tiles = tiles_of(draw_sprite(large), 64)
    averages = squares_of(large).reshape(45, 64, 2, 64, 2, 3).mean(axis=(2, 4))
    np.testing.assert_allclose(tiles[:45], averages, atol=0.51)


def test_photos_that_do_not_fit_in_memory(photos):
    decoded = dataclasses.replace(photos, pixels=None, places=None)
    np.testing.assert_array_equal(draw_sprite(decoded), draw_sprite(photos))


def test_names_do_not_break_the_table(photos):
    names = np.array(["a\tb", "c\nd", " e\r\n", "f\u2028g"], object)
    catalog = photos.catalog.select(np.arange(4))
    catalog = dataclasses.replace(catalog, product_id=names, color=names)
    lines = metadata(catalog).splitlines()
    cells = [line.split("\t") for line in lines]
    assert [row[0] for row in cells] == ["product_id", "a b", "c d", "e", "f g"]
    assert [row[3] for row in cells] == ["color", "a b", "c d", "e", "f g"]
    assert {len(row) for row in cells} == {5}


def test_a_catalogue_of_names_and_photos_has_two_columns(photos):
    none = dict.fromkeys(("style_id", "color", "split"))
    catalog = dataclasses.replace(photos.catalog, **none, block_names=("all", "all"))
    lines = metadata(catalog).split("\n")
    assert lines[:2] == ["product_id\tblock", "00-black\tall"]


def test_of_many_products_whole_styles_are_shown(photos, vectors, written, monkeypatch):
    monkeypatch.setattr(tensorboard, "_MOST_PRODUCTS", 20)
    folder = written(photos, vectors)
    lines = (folder / "metadata.tsv").read_text().split("\n")[1:-1]
    names = [line.split("\t")[0] for line in lines]
    assert 17 < len(names) <= 20
    rows = [photos.catalog.product_id.tolist().index(name) for name in names]
    read = np.loadtxt(folder / "vectors.tsv", np.float32, delimiter="\t")
    np.testing.assert_array_equal(read, vectors[rows])
    tiles = tiles_of(np.asarray(Image.open(folder / "sprite.jpg")), 64)
    means = photos.squares(np.array(rows)).mean(axis=(1, 2))
    np.testing.assert_allclose(tiles[: len(rows)].mean(axis=(1, 2)), means, atol=3)
    shown = photos.catalog.style[rows]
    others = np.delete(photos.catalog.style, rows)
    assert not set(shown) & set(others)


def test_the_largest_sprite_is_one_that_browsers_draw():
    side = math.ceil(math.sqrt(tensorboard._MOST_PRODUCTS)) * tensorboard._TILE
    assert side <= 8192


def test_what_was_there_is_replaced_as_a_whole(photos, vectors, written, monkeypatch):
    written(photos, vectors)
    some = np.arange(3)
    folder = written(photos.select(some), vectors[some])
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(before) == 5
    assert before["metadata.tsv"].count(b"\n") == 4

    def full_disk(photos):
        raise OSError("No space left on device")

    monkeypatch.setattr(tensorboard, "draw_sprite", full_disk)
    with pytest.raises(OSError, match="No space"):
        written(photos, vectors)
    assert list(folder.parent.iterdir()) == [folder]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_tensorboard_need_not_be_started_again(photos, vectors, tensorboard, tmp_path):
    tf.summary.create_file_writer(str(tmp_path)).close()
    ask = tensorboard(ProjectorPlugin, tmp_path)
    assert ask("/runs").json == []
    write_projector(tmp_path, photos, vectors)
    assert ask("/runs").json == ["projector"]


@pytest.mark.parametrize("folder", ["tensorboard", "", ".."])
def test_tensorboard_finds_all_of_a_trained_run(folder, finished_run, tensorboard):
    config, _ = finished_run
    workdir = Path(config.workdir)
    logdir = (workdir / folder).resolve()
    run = str((workdir / "tensorboard" / "projector").resolve().relative_to(logdir))
    ask = tensorboard(ProjectorPlugin, logdir)
    assert ask("/runs").json == [run]
    (embedding,) = ask("/info", run=run).json["embeddings"]
    one = {"run": run, "name": embedding["tensorName"]}
    photos = photos_of(read_catalog(config.catalog), config, 32)
    photos = photos.select(np.flatnonzero(photos.catalog.split == "validation"))
    expected = embed(Embedder.load(workdir / "embedder.keras"), photos)
    assert embedding["tensorShape"] == list(expected.shape)
    vectors = np.frombuffer(ask("/tensor", **one).data, np.float32)
    np.testing.assert_allclose(vectors.reshape(expected.shape), expected, atol=1e-5)
    lines = ask("/metadata", **one).text.split("\n")
    assert [line.split("\t")[0] for line in lines[1:-1]] == list(
        photos.catalog.product_id
    )
    sprite = ask("/sprite_image", **one)
    assert sprite.mimetype == "image/jpeg"
    assert Image.open(io.BytesIO(sprite.data)).size == (4 * 64, 4 * 64)
