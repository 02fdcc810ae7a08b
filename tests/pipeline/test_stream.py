from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from cv_tf.catalog import read_catalog
from cv_tf.pipeline import RandomOrder, batches, in_order, load_photos

NUM_ROWS = 23


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Photos of all kinds and shapes; each one's red says which row it is."""
    folder = tmp_path_factory.mktemp("photos")
    rows = []
    for i in range(NUM_ROWS):
        size = (30 + i, 50 - i)
        image = Image.new("RGB", size, (10 * i, 128, 128))
        image.paste((10 * i, 250, 0), (8, 8, 20, 20))
        name = f"{i}.{('png', 'jpg', 'webp')[i % 3]}"
        image.save(folder / name, quality=100, subsampling=0, lossless=True)
        split = "train" if i % 2 else "validation"
        rows.append(f"P{i},{name},S{i // 2:02},Block {i % 4},{split}")
    text = "\n".join(["product_id,image,style_id,category,split", *rows, ""])
    (folder / "c.csv").write_text(text, encoding="utf-8")
    return read_catalog(folder / "c.csv")


@pytest.fixture(scope="module")
def in_memory(catalog):
    return load_photos(catalog, 16, progress=False)


@pytest.fixture(scope="module")
def on_the_fly(catalog):
    return load_photos(catalog, 16, progress=False, memory_gigabytes=0)


def collect(dataset):
    return list(dataset.as_numpy_iterator())


def assert_same(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


def test_memory_decides_where_pixels_come_from(in_memory, on_the_fly):
    assert in_memory.pixels is not None
    assert on_the_fly.pixels is None


def test_pixels_are_the_same_from_memory_and_on_the_fly(in_memory, on_the_fly):
    order = RandomOrder(NUM_ROWS, 8, seed=0)
    assert_same(
        collect(batches(in_memory, order, num_steps=7)),
        collect(batches(on_the_fly, order, num_steps=7)),
    )
    assert_same(collect(in_order(in_memory)), collect(in_order(on_the_fly)))


@pytest.mark.parametrize("photos", ["in_memory", "on_the_fly"])
def test_a_stream_from_step_n_is_the_rest_of_the_stream(photos, request):
    photos = request.getfixturevalue(photos)
    order = RandomOrder(NUM_ROWS, 8, seed=0)
    whole = collect(batches(photos, order, num_steps=9))
    rest = collect(batches(photos, order, start_step=5, num_steps=4))
    assert_same(whole[5:], rest)


@pytest.mark.parametrize("photos", ["in_memory", "on_the_fly"])
def test_batches_are_what_the_order_says(photos, request, catalog):
    photos = request.getfixturevalue(photos)
    order = RandomOrder(NUM_ROWS, 8, seed=0)
    for step, batch in enumerate(collect(batches(photos, order, num_steps=5))):
        rows = order(step)
        np.testing.assert_array_equal(batch["row"], rows)
        np.testing.assert_array_equal(batch["style"], catalog.style[rows])
        assert np.abs(batch["image"][:, 8, 8, 0] - 10.0 * rows).max() <= 4


@pytest.mark.parametrize("photos", ["in_memory", "on_the_fly"])
def test_in_order_gives_the_rows_asked_for_and_a_short_last_batch(photos, request):
    photos = request.getfixturevalue(photos)
    rows = np.array([20, 3, 7, 7, 0])
    dataset = in_order(photos, rows, batch_size=2)
    collected = collect(dataset)
    assert [batch["row"].tolist() for batch in collected] == [[20, 3], [7, 7], [0]]
    assert dataset.cardinality().numpy() == 3
    everything = np.concatenate([b["row"] for b in collect(in_order(photos))])
    np.testing.assert_array_equal(everything, np.arange(NUM_ROWS))


@pytest.mark.parametrize("photos", ["in_memory", "on_the_fly"])
def test_shapes_are_known_before_the_first_batch(photos, request):
    order = RandomOrder(NUM_ROWS, 8, seed=0)
    dataset = batches(request.getfixturevalue(photos), order, num_steps=3)
    shapes = {name: spec.shape.as_list() for name, spec in dataset.element_spec.items()}
    assert shapes == {"image": [8, 16, 16, 3], "row": [8], "style": [8]}
    assert dataset.cardinality().numpy() == 3


def test_a_worker_takes_its_slice_of_each_batch(in_memory):
    order = RandomOrder(NUM_ROWS, 8, seed=0)
    whole = collect(batches(in_memory, order, num_steps=3))
    share = collect(batches(in_memory, lambda s: order(s)[4:], num_steps=3))
    for one, other in zip(whole, share, strict=True):
        np.testing.assert_array_equal(one["image"][4:], other["image"])


@pytest.mark.parametrize("photos", ["in_memory", "on_the_fly"])
def test_photos_of_some_rows_are_those_of_the_whole(photos, request):
    photos = request.getfixturevalue(photos)
    train = photos.select(np.flatnonzero(photos.catalog.split == "train"))
    assert list(train.catalog.product_id) == [f"P{i}" for i in range(1, NUM_ROWS, 2)]
    (whole,) = collect(in_order(photos))
    (part,) = collect(in_order(train))
    np.testing.assert_array_equal(part["image"], whole["image"][1::2])
    np.testing.assert_array_equal(part["style"], whole["style"][1::2])


def test_records_give_the_same_pixels_as_files(catalog, in_memory, tmp_path):
    order = np.random.default_rng(0).permutation(NUM_ROWS)
    place = np.argsort(order)

    def read(index):
        with open(catalog.image[order[index]], "rb") as file:  # noqa: PTH123
            return file.read()

    no_files = np.full(NUM_ROWS, "", object)
    records = replace(catalog, image=no_files, records=read, record=place)
    for gigabytes in (2.0, 0.0):
        photos = load_photos(
            records, 16, cache_dir=tmp_path, progress=False, memory_gigabytes=gigabytes
        )
        assert_same(collect(in_order(photos)), collect(in_order(in_memory)))
