"""The vectors of a catalogue, shard by shard: nothing lost, nothing done twice."""

import csv
import dataclasses
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cv_tf.catalog import CatalogError, read_products
from cv_tf.catalog.catalog_builder import write_shards
from cv_tf.config import CatalogSettings
from cv_tf.embeddings import (
    Embedded,
    EmbeddingJob,
    embed,
    embed_catalog,
    fingerprint,
    job as job_module,
    read_embeddings,
    rejects_path,
)
from cv_tf.embeddings.job import write_shard
from cv_tf.pipeline import FrameSummary, load_photos
from cv_tf.shards import JobError
from cv_tf.vision import product_color

# In shards of three, all photos of the second are bad, and one of the third.
BAD = {3: "text.jpg", 4: "missing.jpg", 5: "", 7: "text.jpg"}
BAD_IDS = ["p3", "p4", "p5", "p7"]
NUM_PRODUCTS = 11
GOOD = [row for row in range(NUM_PRODUCTS) if row not in BAD]


@dataclasses.dataclass
class Shop:
    """A catalogue, an Embedder and an output, in a folder of their own."""

    folder: Path
    rows: list[dict[str, str]]

    @property
    def output(self) -> Path:
        return self.folder / "vectors.parquet"

    @property
    def shards(self) -> Path:
        return self.folder / "vectors.parquet.shards"

    @property
    def embedder(self) -> Path:
        return self.folder / "embedder.keras"

    def write_catalog(self, rows=None):
        rows = self.rows if rows is None else rows
        with (self.folder / "catalog.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)

    def job(self, frame="auto", **options) -> EmbeddingJob:
        settings = CatalogSettings(catalog=str(self.folder / "catalog.csv"))
        products = dataclasses.asdict(settings) | {"frame": frame}
        return EmbeddingJob(
            embedder=str(self.embedder),
            output=str(self.output),
            products=tuple(products.items()),
            **{"shard_size": 3, "batch_size": 2, **options},
        )

    def embed(self, overwrite=False, **options):
        """Runs the job that has these options."""
        job = self.job(**options)
        catalog = read_products(job.settings)
        if job.split:
            catalog = catalog.where_split(job.split)
        return embed_catalog(job, catalog, overwrite=overwrite)


@pytest.fixture(scope="module")
def filled(build_tiny, tmp_path_factory) -> Path:
    """A folder with photos and two Embedders."""
    folder = tmp_path_factory.mktemp("shop")
    for row in range(NUM_PRODUCTS):
        photo = Image.new("RGB", (40, 40), "white")
        draw = ImageDraw.Draw(photo)
        draw.rectangle([8, 8 - row // 2, 20 + row, 32], fill=(20 * row, 90, 160))
        draw.line([8, 20, 20 + row, 12 + row], fill="black", width=2)
        photo.save(folder / f"{row}.png")
    (folder / "text.jpg").write_text("This is not a photo.")
    build_tiny(0).save(folder / "embedder.keras")
    build_tiny(1).save(folder / "other.keras")
    return folder


def open_shop(filled: Path, folder: Path) -> Shop:
    shutil.copytree(filled, folder, dirs_exist_ok=True)
    rows = [
        {
            "product_id": f"p{row}",
            "image": BAD.get(row, f"{row}.png"),
            "category": "Shirts" if row % 2 else "Trousers",
            "color": "red" if row % 3 else "blue",
            "split": "train" if row < 9 else "validation",
        }
        for row in range(NUM_PRODUCTS)
    ]
    shop = Shop(folder, rows)
    shop.write_catalog()
    return shop


@pytest.fixture
def shop(filled, tmp_path) -> Shop:
    return open_shop(filled, tmp_path)


@pytest.fixture(scope="module")
def embedded(filled, tmp_path_factory) -> tuple[Shop, Embedded]:
    """A shop after a job, and what that job said."""
    shop = open_shop(filled, tmp_path_factory.mktemp("embedded"))
    return shop, shop.embed()


@pytest.fixture
def interrupt(monkeypatch):
    """A function that makes jobs fail at some shards, and lists the others begun."""

    def at(*failing: int) -> list[int]:
        begun = []

        def write(job, shards, model, number, report):
            if number in failing:
                raise RuntimeError("power cut")
            begun.append(number)
            write_shard(job, shards, model, number, report)

        monkeypatch.setattr(job_module, "write_shard", write)
        return begun

    return at


def rejects_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.integration
class TestWhole:
    @pytest.mark.integration
    def test_is_what_the_embedder_says_of_each_photo(self, embedded, embedder):
        shop, found = embedded
        assert found.num_products == len(GOOD)
        embeddings = read_embeddings(shop.output)
        catalog = read_products(shop.job().settings).select(np.array(GOOD))
        photos = load_photos(catalog, 32, progress=False)
        squares = photos.squares(np.arange(len(photos)))
        expected = embedder(squares)
        np.testing.assert_allclose(embeddings.vectors, expected, atol=1e-5)
        lab = product_color(squares)
        np.testing.assert_allclose(embeddings.lab, lab, atol=1e-3)
        # The photos are told apart: the equalities say something.
        similarity = embeddings.vectors @ embeddings.vectors.T
        assert similarity[~np.eye(len(GOOD), dtype=bool)].max() < 0.9999
        assert embeddings.product_id.tolist() == [f"p{row}" for row in GOOD]
        assert embeddings.image.tolist() == catalog.image.tolist()
        assert embeddings.color.tolist() == catalog.color.tolist()
        names = np.array(embeddings.block_names)[embeddings.block]
        assert names.tolist() == ["Shirts" if i % 2 else "Trousers" for i in GOOD]
        assert embeddings.model == fingerprint(shop.embedder)

    def test_products_that_are_left_out_are_named(self, embedded):
        shop, found = embedded
        named = rejects_of(shop.folder / "vectors.rejects.csv")
        assert [tuple(row.values()) for row in named] == list(found.rejects)
        assert [row["product_id"] for row in named] == BAD_IDS
        assert named[1]["image"] == str(shop.folder / "missing.jpg")
        reasons = ("a text file", "missing", "no image", "a text file")
        for row, reason in zip(named, reasons, strict=True):
            assert reason in row["reason"]

    def test_leaves_no_parts_behind(self, embedded, filled):
        before = {path.name for path in filled.iterdir()} | {"catalog.csv"}
        after = {path.name for path in embedded[0].folder.iterdir()}
        assert after - before == {".cv_tf", "vectors.parquet", "vectors.rejects.csv"}

    @pytest.mark.integration
    @pytest.mark.parametrize(("shard_size", "batch_size"), [(1, 1), (100, 64)])
    def test_parts_and_batches_do_not_matter(
        self, shard_size, batch_size, shop, embedded
    ):
        expected = read_embeddings(embedded[0].output)
        found = shop.embed(shard_size=shard_size, batch_size=batch_size)
        assert [reject.product_id for reject in found.rejects] == BAD_IDS
        again = read_embeddings(shop.output)
        assert again.product_id.tolist() == expected.product_id.tolist()
        np.testing.assert_allclose(again.vectors, expected.vectors, atol=1e-5)

    def test_one_split(self, shop, embedded):
        expected = read_embeddings(embedded[0].output).select(np.array([5, 6]))
        found = shop.embed(split="validation")
        assert (found.num_products, found.rejects) == (2, ())
        validation = read_embeddings(shop.output)
        assert validation.product_id.tolist() == ["p9", "p10"]
        np.testing.assert_allclose(validation.vectors, expected.vectors, atol=1e-5)
        assert not rejects_path(shop.output).exists()

    @pytest.mark.integration
    def test_boxes_of_the_catalogue_go_with_their_photos(self, shop, embedder):
        boxes = [{"x": 4, "y": i, "width": 20 + i, "height": 24} for i in range(11)]
        box = dict.fromkeys(("x", "y", "width", "height"), "")
        shop.write_catalog(
            [
                row | (boxes[i] if i % 4 else box)
                for i, row in enumerate(shop.rows)
                if i in GOOD
            ]
        )
        shop.embed(frame="columns")
        found = read_embeddings(shop.output)
        catalog = read_products(shop.job().settings)
        photos = load_photos(catalog, 32, frame="columns", progress=False)
        np.testing.assert_allclose(found.vectors, embed(embedder, photos), atol=1e-5)
        whole = load_photos(catalog, 32, frame="photo", progress=False)
        apart = np.abs(found.vectors - embed(embedder, whole)).max(axis=1) > 1e-4
        assert apart.tolist() == [bool(i % 4) for i in GOOD]


class TestInterrupted:
    @pytest.mark.integration
    def test_goes_on_and_ends_as_if_nothing_had_happened(self, shop, interrupt):
        shop.embed()
        expected = shop.output.read_bytes(), rejects_path(shop.output).read_bytes()
        shop.output.unlink()
        rejects_path(shop.output).unlink()
        interrupt(2)
        with pytest.raises(RuntimeError, match="power cut"):
            shop.embed()
        assert not shop.output.exists()
        assert not rejects_path(shop.output).exists()
        done = {int(path.name[6:11]) for path in shop.shards.glob("shard-*.parquet")}
        assert {0, 1} <= done <= {0, 1, 3}
        again = interrupt()
        shop.embed()
        assert set(again) == {0, 1, 2, 3} - done
        found = shop.output.read_bytes(), rejects_path(shop.output).read_bytes()
        assert found == expected
        assert not shop.shards.exists()

    @pytest.mark.integration
    def test_while_parts_are_merged(self, shop, interrupt, monkeypatch):
        def fail(paths, output, notes):
            output.write_text("half of the")
            raise OSError("no space left")

        with monkeypatch.context() as context:
            context.setattr(job_module, "merge_tables", fail)
            with pytest.raises(OSError, match="no space left"):
                shop.embed()
        assert not shop.output.exists()
        again = interrupt()
        shop.embed()
        assert again == []
        assert len(read_embeddings(shop.output)) == len(GOOD)


@pytest.mark.integration
class TestFrames:
    """What became of the frames is told of all shards, whoever has computed them."""

    @pytest.fixture
    def mixed(self, shop) -> Shop:
        """A shop with a photo of nothing, and one of a product that is cut."""
        blank, cut = (Image.new("RGB", (40, 40), "white") for _ in range(2))
        ImageDraw.Draw(cut).rectangle([10, 10, 30, 40], fill="navy")
        blank.save(shop.folder / "2.png")
        cut.save(shop.folder / "10.png")
        return shop

    SUMMARY = FrameSummary(
        numbers={"found": 5, "declined": 1, "cut": 1},
        examples={"found": ["p0", "p1", "p6"], "declined": ["p2"], "cut": ["p10"]},
    )

    def test_of_all_shards_and_from_the_cache(self, mixed):
        assert mixed.embed().frames == self.SUMMARY
        assert mixed.embed(shard_size=100).frames == self.SUMMARY
        mixed.output.unlink()
        assert mixed.embed().frames == self.SUMMARY

    def test_after_an_interruption(self, mixed, interrupt):
        interrupt(3)
        with pytest.raises(RuntimeError, match="power cut"):
            mixed.embed()
        again = interrupt()
        assert mixed.embed().frames == self.SUMMARY
        assert 0 not in again

    def test_of_whole_photos(self, mixed):
        frames = mixed.embed(frame="photo").frames
        assert frames.numbers == {"whole": len(GOOD)}


@pytest.mark.integration
def test_a_data_set_is_embedded_as_the_table_that_it_was_made_of(
    shop, drawn_catalog, tmp_path
):
    write_shards(drawn_catalog, tmp_path / "data", "drawn", progress=False)
    settings = {
        "table": CatalogSettings(catalog=str(drawn_catalog)),
        "data_set": CatalogSettings(
            dataset="catalog/drawn",
            data_dir=str(tmp_path / "data"),
            cache_dir=str(tmp_path / "cache"),
        ),
    }
    vectors = []
    for name, products in settings.items():
        job = EmbeddingJob(
            embedder=str(shop.embedder),
            output=str(tmp_path / f"{name}.parquet"),
            products=tuple(dataclasses.asdict(products).items()),
            shard_size=16,
            batch_size=8,
        )
        embed_catalog(job, read_products(products))
        found = read_embeddings(job.output)
        vectors.append(dict(zip(found.product_id, found.vectors, strict=True)))
    assert vectors[0].keys() == vectors[1].keys()
    for name in vectors[0]:
        np.testing.assert_allclose(vectors[1][name], vectors[0][name], atol=1e-5)


class TestAnotherJob:
    """Shards are never taken for those of another job."""

    def change(self, shop, what) -> dict:
        """Changes files, or returns options that are not those of before."""
        rows = [dict(row) for row in shop.rows]
        if what == "embedder":
            shutil.copy(shop.folder / "other.keras", shop.embedder)
        elif what == "color":
            rows[8]["color"] = "green"
        elif what == "no color":
            rows = [row | {"color": ""} for row in rows]
            for row in rows:
                del row["color"]
        elif what == "block":
            rows[8]["category"] = "Shirts"
        elif what == "photo":
            rows[8]["image"] = "9.png"
        elif what == "order":
            rows[8], rows[9] = rows[9], rows[8]
        elif what == "ids":
            rows = [row | {"product_id": f"{i}"} for i, row in enumerate(rows)]
        elif what == "box":
            box = {"x": 0, "y": 0, "width": 9, "height": 9}
            rows = [row | box for row in rows]
        elif what == "split":
            return {"split": "train"}
        else:
            return {what: {"frame": "photo"}.get(what, 4)}
        shop.write_catalog(rows)
        return {}

    @pytest.mark.parametrize(
        ("what", "named"),
        [
            ("embedder", "another model"),
            ("color", "another catalogue (the product 'p8' has another color)"),
            ("no color", "another catalogue (the column color was removed)"),
            ("block", "another catalogue (the product 'p8' has another block)"),
            ("photo", "another catalogue (the product 'p8' has another image)"),
            ("order", "another catalogue (products are in another order)"),
            (
                "ids",
                "another catalogue (11 products were added, such as '0'; 11 products "
                "were removed, such as 'p0')",
            ),
            ("box", "another catalogue (the column box was added)"),
            ("split", "another catalogue (2 products were removed, such as 'p9')"),
            ("frame", "another --frame"),
            ("shard_size", "another --shard_size"),
            ("batch_size", "another --embed_batch_size"),
        ],
    )
    def test_is_refused(self, what, named, shop, interrupt):
        interrupt(0, 1, 2, 3)
        with pytest.raises(RuntimeError, match="power cut"):
            shop.embed()
        interrupt()
        options = self.change(shop, what)
        with pytest.raises(JobError, match=re.escape(f"with {named}. Go on")):
            shop.embed(**options)
        assert not shop.output.exists()

    @pytest.mark.integration
    @pytest.mark.parametrize("what", ["no color", "shard_size"])
    def test_is_thrown_away_if_asked(self, what, shop, interrupt, embedded):
        interrupt(2)
        with pytest.raises(RuntimeError, match="power cut"):
            shop.embed()
        interrupt()
        options = self.change(shop, what)
        shop.embed(overwrite=True, **options)
        found, expected = map(read_embeddings, (shop.output, embedded[0].output))
        assert found.product_id.tolist() == expected.product_id.tolist()
        np.testing.assert_allclose(found.vectors, expected.vectors, atol=1e-5)
        assert (found.color is None) == (what == "no color")


class TestOneProcess:
    """What was loaded for one job is not taken for what another needs."""

    @pytest.mark.slow
    @pytest.mark.integration
    def test_another_embedder_at_the_same_place(self, shop, build_tiny):
        shop.embed()
        shutil.copy(shop.folder / "other.keras", shop.embedder)
        shop.embed()
        found = read_embeddings(shop.output)
        catalog = read_products(shop.job().settings).select(np.array(GOOD))
        expected = embed(build_tiny(1), load_photos(catalog, 32, progress=False))
        np.testing.assert_allclose(found.vectors, expected, atol=1e-5)

    @pytest.mark.integration
    def test_more_products_in_the_same_table(self, shop):
        shop.write_catalog(shop.rows[:2])
        shop.embed()
        assert read_embeddings(shop.output).product_id.tolist() == ["p0", "p1"]
        shop.write_catalog(shop.rows[::-1])
        shop.embed()
        found = read_embeddings(shop.output)
        assert found.product_id.tolist() == [f"p{row}" for row in GOOD[::-1]]
        assert found.image[0] == str(shop.folder / "10.png")

    def test_a_catalogue_that_changes_under_way(self, shop):
        """Numbers of rows would no longer mean the same products."""
        job = shop.job()
        catalog = read_products(job.settings)
        shop.write_catalog(shop.rows[1:])
        with pytest.raises(JobError, match=r"catalog\.csv has changed since the job"):
            embed_catalog(job, catalog)
        assert not shop.output.exists()


class TestNoPhotoCanBeUsed:
    @pytest.mark.integration
    def test_says_so_and_leaves_what_there_was(self, shop):
        shop.output.write_bytes(b"precious")
        shop.write_catalog([shop.rows[row] for row in BAD])
        with pytest.raises(CatalogError) as error:
            shop.embed(overwrite=True)
        path = rejects_path(shop.output)
        message = str(error.value)
        assert message.startswith("catalog.csv: no photo can be used. Of 4 photos, ")
        assert message.endswith(f"'{path}' has all reasons.")
        assert [row["product_id"] for row in rejects_of(path)] == BAD_IDS
        assert shop.output.read_bytes() == b"precious"
        assert not shop.shards.exists()

    @pytest.mark.integration
    def test_mended_photos_are_looked_at_again(self, shop):
        shop.write_catalog([shop.rows[3], shop.rows[4]])
        with pytest.raises(CatalogError, match="no photo can be used"):
            shop.embed()
        for name in ("text.jpg", "missing.jpg"):
            shutil.copy(shop.folder / "8.png", shop.folder / name)
        found = shop.embed()
        assert (found.num_products, found.rejects) == (2, ())
        assert read_embeddings(shop.output).product_id.tolist() == ["p3", "p4"]
        assert not rejects_path(shop.output).exists()


@pytest.mark.parametrize(
    ("num_products", "rows"),
    [(7, [[0, 1, 2], [3, 4, 5], [6]]), (6, [[0, 1, 2], [3, 4, 5]]), (2, [[0, 1]])],
)
def test_rows_of_parts(num_products, rows):
    job = EmbeddingJob("e.keras", "e.parquet", (), shard_size=3)
    found = [job.rows(shard, num_products).tolist() for shard in range(len(rows))]
    assert found == rows


def test_rejects_are_named_beside_the_output():
    assert rejects_path(Path("runs/a.b.parquet")) == Path("runs/a.b.rejects.csv")
