"""What a killed job of embedding leaves: used where it holds, and nowhere else.

Vectors are made of digests of photos, so that no photo has to be embedded.
"""

import contextlib
import json
import os
import random
import shutil
from itertools import count
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from few import few

from cv_tf.catalog import read_products
from cv_tf.config import CatalogSettings
from cv_tf.embeddings import (
    EmbeddingJob,
    embed_catalog,
    job as job_module,
    read_embeddings,
    rejects_path,
    to_table,
)
from cv_tf.embeddings.resumption import rejects_of
from cv_tf.locks import BusyError, only_writer
from cv_tf.pipeline import Reject, write_rejects
from cv_tf.settings import ConfigError, values_of
from cv_tf.shards import JobError

NUM_PRODUCTS = 10  # In shards of three; one photo is missing.
HEADER = "product_id,image,category,color"


@pytest.fixture
def shop(tmp_path, monkeypatch) -> "Shop":
    return Shop(tmp_path, monkeypatch)


class PowerCutError(BaseException):
    """The end of the process."""


class Shop:
    """A catalogue with an output, whose shards are quick to make."""

    def __init__(self, folder: Path, monkeypatch):
        self.folder = folder / "shop"
        self.folder.mkdir()
        (self.folder / "embedder.keras").write_bytes(b"an Embedder")
        for row in range(NUM_PRODUCTS):
            if row != 4:
                self.photo(row).write_bytes(b"photo %d" % row)
        self.rows = [f"p{row},{row}.jpg,Shirts,red" for row in range(NUM_PRODUCTS)]
        self.done: list[int] = []
        monkeypatch.setattr(job_module, "write_shard", self._write)

    @property
    def output(self) -> Path:
        return self.folder / "vectors.parquet"

    @property
    def shards(self) -> list[Path]:
        return sorted(self.folder.glob("vectors.parquet.shards/shard-*"))

    def photo(self, row: int) -> Path:
        return self.folder / f"{row}.jpg"

    def embed(self, **options):
        """Runs the job as the command does; `done` has the shards it computes."""
        self.done.clear()
        (self.folder / "c.csv").write_text("\n".join([HEADER, *self.rows]))
        settings = CatalogSettings(catalog=str(self.folder / "c.csv"))
        job = EmbeddingJob(
            embedder=str(self.folder / "embedder.keras"),
            output=str(self.output),
            products=tuple(values_of(settings, CatalogSettings).items()),
            shard_size=3,
        )
        catalog = read_products(settings)
        return embed_catalog(job, catalog, **{"replace": False} | options)

    def _write(self, job, shards, model, number, report):
        catalog = read_products(job.settings)
        catalog = catalog.select(job.rows(number, len(catalog)))
        photos = job.photo_digests(read_products(job.settings), number)
        known = [row for row, digest in enumerate(photos) if len(digest) == 32]
        codes = [np.frombuffer(bytes.fromhex(photos[row]), np.uint8) for row in known]
        vectors = np.array(codes, np.float32).reshape(-1, 16)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        rejects = [
            (catalog.product_id[row], catalog.image[row], reason)
            for row, reason in enumerate(photos)
            if row not in known
        ]
        frames = {"numbers": {"found": len(known)}, "examples": {"found": []}}
        notes = {"rejects": rejects, "frames": frames, "photos": photos}
        table = to_table(
            catalog.select(np.array(known, int)),
            vectors,
            None,
            model,
            json.dumps(notes),
        )
        with shards.writing(number) as unfinished:
            pq.write_table(table, unfinished)
        self.done.append(number)

    def stop(self, monkeypatch, *shards: int) -> None:
        """Runs the job until it is killed at these shards."""
        write = self._write

        def write_or_die(job, folder, model, number, report):
            if number in shards:
                raise PowerCutError
            write(job, folder, model, number, report)

        with monkeypatch.context() as patch, pytest.raises(PowerCutError):
            patch.setattr(job_module, "write_shard", write_or_die)
            self.embed()

    def end(self) -> dict[str, bytes]:
        """The contents of all files but the cache and the photos."""
        return {
            path.name: path.read_bytes() if path.is_file() else b"a folder"
            for path in self.folder.iterdir()
            if path.name not in (".cv_tf", "c.csv", "embedder.keras")
            and path.suffix != ".jpg"
        }


def vectors_of(shop) -> dict[str, list[float]]:
    found = read_embeddings(shop.output)
    return dict(zip(found.product_id, found.vectors.tolist(), strict=True))


def cut_power(patch, operation: int) -> None:
    """Ends all at the nth change of a folder, and lets nothing clean up behind it."""
    made = []

    def counted(function):
        def run(*arguments, **options):
            if len(made) >= operation:
                raise PowerCutError
            made.append(function)
            return function(*arguments, **options)

        return run

    for name in ("mkdir", "rename", "replace", "unlink", "rmdir"):
        patch.setattr(os, name, counted(getattr(os, name)))


def let_go(folder: Path) -> None:
    """Closes what a process that had ended would hold no longer."""
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            if descriptor.readlink().is_relative_to(folder):
                os.close(int(descriptor.name))


@pytest.mark.integration
@pytest.mark.parametrize(
    ("overwrite", "every"), few((True, 3), more=[(True, 1), (False, 1)])
)
def test_killed_at_any_moment_the_same_command_ends_alike(
    overwrite, every, shop, monkeypatch
):
    options = {"overwrite": overwrite, "replace": overwrite}
    first = shop.embed()
    expected = shop.end()
    assert sorted(expected) == ["vectors.parquet", "vectors.rejects.csv"]
    for operation in count(1, every):
        shop.output.unlink()
        rejects_path(shop.output).unlink()
        if overwrite:
            shop.output.write_text("what was there before")
        with monkeypatch.context() as patch:
            cut_power(patch, operation)
            try:
                shop.embed(**options)
            except PowerCutError:
                pass
            else:
                break
        let_go(shop.folder)
        assert shop.embed(**options) == first, operation
        assert shop.end() == expected, operation
    assert operation > 50


def test_once_more_is_no_work(shop):
    first = shop.embed()
    before = shop.end()
    assert shop.embed() == first
    assert shop.done == []
    assert shop.end() == before


class TestPhotos:
    def replace(self, shop, row, content):
        """Puts another photo in the place of one, with its size and its time."""
        stat = shop.photo(row).stat()
        shop.photo(row).write_bytes(content)
        os.utime(shop.photo(row), ns=(stat.st_atime_ns, stat.st_mtime_ns))
        assert shop.photo(row).stat().st_size == stat.st_size

    @pytest.mark.parametrize("what", ["replaced", "longer", "gone", "come", "link"])
    def test_that_changed_are_embedded_anew(self, what, shop, monkeypatch, caplog):
        shop.stop(monkeypatch, 3)
        row = {"come": 4}.get(what, 1)
        if what == "replaced":
            self.replace(shop, row, b"ph0t0 1")
        elif what in ("longer", "come"):
            shop.photo(row).write_bytes(b"another photo")
        else:
            shop.photo(row).unlink()
        if what == "link":
            shop.photo(row).symlink_to(shop.photo(2))
        shop.embed()
        assert sorted(shop.done) == [row // 3, 3]
        assert caplog.messages == [
            "1 of 3 finished shards are computed anew: photos have changed, such as "
            f"that of the product 'p{row}'."
        ]
        found = vectors_of(shop)
        shutil.rmtree(shop.folder / ".cv_tf")
        shop.output.unlink()
        shop.embed()
        assert len(shop.done) == 4
        assert vectors_of(shop) == found

    def test_that_were_only_touched_are_the_same(self, shop, monkeypatch, caplog):
        shop.stop(monkeypatch, 3)
        for row in (0, 1, 5):
            os.utime(shop.photo(row), (0, 0))
        content = shop.photo(2).read_bytes()
        shop.photo(2).unlink()
        shop.photo(2).write_bytes(content)
        shop.embed()
        assert shop.done == [3]
        assert not caplog.messages

    def test_an_output_of_other_photos_stays(self, shop):
        shop.embed()
        before = shop.end()
        self.replace(shop, 3, b"ph0t0 3")
        with pytest.raises(ConfigError, match=r"vectors\.parquet' exists\. Pass --ov"):
            shop.embed()
        assert shop.end() == before
        shop.embed(replace=True)
        assert shop.end() != before


class TestTable:
    """Rows and cells that are others when a job is resumed."""

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda rows: [*rows, "p10,0.jpg,Shirts,red"], "the product 'p10' was add"),
            (lambda rows: rows[:-2], "2 products were removed, such as 'p8'"),
            (
                lambda rows: [row.replace("red", "blue") for row in rows],
                "10 products have another color, such as 'p0'",
            ),
            (lambda rows: rows[::-1], "products are in another order"),
            (
                lambda rows: ["new,1.jpg,Hats,red", *rows[1:-1], "p9,2.jpg,Hats,red"],
                "the product 'new' was added; the product 'p0' was removed; the "
                "product 'p9' has another image; the product 'p9' has another block",
            ),
        ],
    )
    def test_are_told_one_by_one(self, change, said, shop, monkeypatch):
        shop.stop(monkeypatch, 3)
        rows = shop.rows
        shop.rows = change(rows)
        with pytest.raises(JobError) as error:
            shop.embed()
        assert f"with another catalogue ({said}" in str(error.value)
        assert "the files it had, or pass --overwrite to throw" in str(error.value)
        assert len(shop.shards) == 3
        shop.rows = rows
        shop.embed()
        assert shop.done == [3]

    @pytest.mark.parametrize("content", [None, b"", b"no table", b"PAR1"])
    def test_without_the_former_table(self, content, shop, monkeypatch):
        shop.stop(monkeypatch, 3)
        table = shop.shards[0].with_name("products.parquet")
        table.unlink()
        if content is not None:
            table.write_bytes(content)
        rows = shop.rows
        shop.rows = rows[:-1]
        with pytest.raises(JobError, match="with another catalogue"):
            shop.embed()
        shop.rows = rows
        shop.embed()
        assert shop.done == [3]


class TestDamaged:
    @pytest.mark.parametrize("seed", few(*range(5), more=range(5, 20)))
    def test_shards_are_never_used(self, seed, shop, monkeypatch, caplog):
        shop.embed()
        expected = shop.end()
        shop.output.unlink()
        shop.stop(monkeypatch, 3)
        draw = random.Random(seed)
        path = draw.choice(shop.shards)
        content = bytearray(path.read_bytes())
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(content)
        shop.embed()
        assert sorted(shop.done) == [int(path.name[6:11]), 3]
        assert "1 of 3 finished shards in" in caplog.text
        assert shop.end() == expected

    def test_notes_of_another_version_are_of_no_use(self, shop, monkeypatch):
        shop.stop(monkeypatch, 3)
        path = shop.shards[0]
        table = pq.read_table(path).replace_schema_metadata(
            {b"cv_tf": b'{"notes": "1"}'}
        )
        job = job_module.Shards(shop.output, 4, {})
        path.unlink()
        with job.writing(0) as unfinished:
            pq.write_table(table, unfinished)
        shop.embed()
        assert sorted(shop.done) == [0, 3]

    @pytest.mark.parametrize("what", ["vectors.parquet", "vectors.rejects.csv"])
    @pytest.mark.parametrize("how", ["cut", "flipped", "emptied", "removed"])
    def test_an_output_is_not_taken_for_finished(self, what, how, shop):
        shop.embed()
        path = shop.folder / what
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 1
        if how == "removed":
            path.unlink()
        elif how != "flipped":
            path.write_bytes(content[: -20 if how == "cut" else 0])
        else:
            path.write_bytes(content)
        if (what, how) == ("vectors.parquet", "removed"):
            shop.embed()
            assert len(shop.done) == 4
        else:
            with pytest.raises(ConfigError, match=r"exists\. Pass --overwrite"):
                shop.embed()


def test_a_second_process_is_told(shop):
    with (
        only_writer(shop.folder / ".vectors.parquet.lock", shop.output),
        pytest.raises(
            BusyError, match=r"vectors\.parquet' is being written by another"
        ),
    ):
        shop.embed()
    shop.embed()


def test_rejects_are_read_as_they_were_written(tmp_path):
    rejects = (
        Reject("=1+2", "-a.jpg", "the file is missing"),
        Reject("'=b", "", "no image given"),
    )
    output = tmp_path / "vectors.parquet"
    write_rejects(rejects_path(output), rejects)
    assert rejects_of(output) == rejects
