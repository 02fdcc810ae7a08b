"""Files on web servers and in object stores."""

import functools
import http.server
import threading

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cv_tf import stores
from cv_tf.catalog import CatalogError, read_catalog
from cv_tf.files import is_file, open_binary, read_bounded
from cv_tf.pipeline import in_order, load_photos
from cv_tf.stores import (
    UnreachableError,
    exists_in_store,
    is_by_tensorflow,
    open_in_store,
    open_with_arrow,
    stat_in_store,
)

TABLE = b"product_id,image,category\n007,images/a.png,Bag\n8,b.png,Bag\n"


@pytest.fixture
def memory(monkeypatch):
    """The store `memory://` of fsspec, empty, in place of one on a network."""
    monkeypatch.setitem(stores._PACKAGES, "memory", "fsspec")
    store = fsspec.filesystem("memory")
    store.store.clear()
    yield store
    store.store.clear()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """A server of a folder; what is named `secret` is forbidden."""

    def do_GET(self):
        if "secret" in self.path:
            self.send_error(403)
        else:
            super().do_GET()

    do_HEAD = do_GET  # noqa: N815 (as above)

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def server(tmp_path):
    """The address of a server of the folder `tmp_path`."""
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as one:
        thread = threading.Thread(target=one.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{one.server_port}"
        one.shutdown()
        thread.join()


class TestWhoReads:
    @pytest.mark.parametrize(
        "path", ["https://s/a", "HTTP://s/a", "s3://b/a", "abfs://c@a/b", "hdfs://h/a"]
    )
    def test_fsspec_does(self, path):
        assert not is_by_tensorflow(path)

    @pytest.mark.parametrize("path", ["gs://b/a", "gcs://b/a", "ftp://s/a"])
    def test_tensorflow_does(self, path):
        assert is_by_tensorflow(path)


class TestFiles:
    def test_are_read(self, memory):
        memory.pipe("/f/a.bin", b"0123456789")
        assert exists_in_store("memory://f/a.bin")
        assert is_file("memory://f/a.bin")
        with open_in_store("memory://f/a.bin") as file:
            assert file.read() == b"0123456789"
        assert read_bounded("memory://f/a.bin", 10) == b"0123456789"

    def test_have_a_bound(self, memory):
        memory.pipe("/f/a.bin", b"0123456789")
        with pytest.raises(OSError, match="has 10 bytes; at most 9 are read"):
            read_bounded("memory://f/a.bin", 9)

    def test_have_a_size_and_a_state_that_changes_with_them(self, memory, monkeypatch):
        about = {"size": 3, "ETag": '"1"'}
        monkeypatch.setattr(type(memory), "info", lambda *_, **__: about)
        first = stat_in_store("memory://f/a.bin")
        assert first.size == 3
        assert first == stat_in_store("memory://f/a.bin")
        assert 0 <= first.modified < 2**63
        about["ETag"] = '"2"'
        assert stat_in_store("memory://f/a.bin").modified != first.modified

    def test_may_have_no_size_and_no_state(self, memory, monkeypatch):
        monkeypatch.setattr(type(memory), "info", lambda *_, **__: {"size": None})
        assert stat_in_store("memory://f/a.bin").size == 0

    def test_are_missing(self, memory):
        assert not exists_in_store("memory://f/none.bin")
        for read in (open_in_store, stat_in_store, open_with_arrow):
            with pytest.raises(FileNotFoundError, match="there is no memory://f/none"):
                read("memory://f/none.bin")

    def test_cannot_be_reached(self, memory, monkeypatch):
        def fail(*_, **__):
            raise RuntimeError("the token has expired")

        monkeypatch.setattr(type(memory), "open", fail)
        with pytest.raises(UnreachableError) as error:
            open_binary("memory://f/a.bin")
        expected = "memory://f/a.bin cannot be reached: the token has expired. Check"
        assert str(error.value).startswith(expected)

    def test_are_read_at_random_by_arrow(self, memory):
        memory.pipe("/f/a.bin", b"0123456789")
        file = open_with_arrow("memory://f/a.bin")
        assert file.size() == 10
        assert file.read_at(3, 4) == b"456"

    @pytest.mark.parametrize("read", [exists_in_store, open_in_store, open_with_arrow])
    def test_need_a_package_which_is_told(self, monkeypatch, read):
        monkeypatch.setitem(stores._PACKAGES, "s3", "no_such_package")
        with pytest.raises(UnreachableError) as error:
            read("s3://bucket/a.csv")
        assert str(error.value) == (
            "s3://bucket/a.csv cannot be reached without the package no_such_package. "
            "Install it: pip install no_such_package."
        )


class TestTables:
    def test_have_their_photos_beside_them(self, memory):
        memory.pipe("/f/c.csv", TABLE)
        catalog = read_catalog("memory://f/c.csv")
        expected = ["memory://f/images/a.png", "memory://f/b.png"]
        assert catalog.image.tolist() == expected
        assert catalog.is_remote

    def test_may_be_parquet(self, memory):
        columns = {"product_id": ["1"], "image": ["a.png"]}
        with memory.open("/f/c.parquet", "wb") as file:
            pq.write_table(pa.table(columns), file)
        assert len(read_catalog("memory://f/c.parquet", ())) == 1

    def test_that_are_missing_are_told(self, memory):
        with pytest.raises(CatalogError, match=r"memory://f/c\.csv does not exist\.$"):
            read_catalog("memory://f/c.csv")

    def test_that_need_a_package_say_so(self, monkeypatch):
        monkeypatch.setitem(stores._PACKAGES, "s3", "no_such_package")
        with pytest.raises(CatalogError, match="pip install no_such_package"):
            read_catalog("s3://bucket/c.csv")


@pytest.mark.integration
class TestPhotos:
    def test_are_decoded_from_a_store(self, memory, tmp_path, monkeypatch):
        colors = {"images/a": (200, 40, 40), "b": (40, 40, 200)}
        for name, color in colors.items():
            with memory.open(f"/f/{name}.png", "wb") as file:
                Image.new("RGB", (20, 20), color).save(file, "PNG")
        memory.pipe("/f/c.csv", TABLE)
        catalog = read_catalog("memory://f/c.csv")
        for gigabytes in (2.0, 0.0):  # In memory, and decoded for each batch.
            photos = load_photos(
                catalog,
                8,
                cache_dir=tmp_path,
                progress=False,
                memory_gigabytes=gigabytes,
            )
            (batch,) = in_order(photos).as_numpy_iterator()
            found = batch["image"].astype(int)
            expected = np.array(list(colors.values()))[:, None, None]
            assert np.abs(found - expected).max() <= 4

    def test_of_unknown_stores_are_rejects(self, tmp_path):
        Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
        cells = ["javascript://s/%0aalert(1)", "ssh://s/a.jpg", "x://", "a.png"]
        rows = [f"{number},{cell}" for number, cell in enumerate(cells)]
        table = "\n".join(["product_id,image", *rows])
        (tmp_path / "c.csv").write_text(table, encoding="utf-8")
        catalog = read_catalog(tmp_path / "c.csv", ())
        photos = load_photos(catalog, 8, on_bad_image="reject", progress=False)
        assert photos.catalog.product_id.tolist() == ["3"]
        assert [reject.product_id for reject in photos.rejects] == ["0", "1", "2"]
        assert all(reject.reason for reject in photos.rejects)


@pytest.mark.integration
class TestWebServers:
    def test_tables_are_read(self, server, tmp_path):
        (tmp_path / "c.csv").write_bytes(TABLE)
        catalog = read_catalog(f"{server}/c.csv", fetch=False)
        assert catalog.product_id.tolist() == ["007", "8"]
        assert catalog.image[0] == f"{server}/images/a.png"

    def test_a_large_table_needs_no_ranges(self, server, tmp_path):
        rows = b"".join(b"%09d,%050d.jpg\n" % (i, i) for i in range(150_000))
        (tmp_path / "c.csv").write_bytes(b"product_id,image\n" + rows)
        assert len(read_catalog(f"{server}/c.csv", (), fetch=False)) == 150_000

    def test_parquet_is_read(self, server, tmp_path):
        columns = {"product_id": ["1"], "image": ["a.png"]}
        pq.write_table(pa.table(columns), tmp_path / "c.parquet")
        assert len(read_catalog(f"{server}/c.parquet", (), fetch=False)) == 1

    def test_what_is_not_there_is_told(self, server):
        with pytest.raises(CatalogError, match=r"/none\.csv does not exist"):
            read_catalog(f"{server}/none.csv")
        assert not exists_in_store(f"{server}/none.csv")

    def test_what_is_forbidden_is_told(self, server):
        with pytest.raises(CatalogError) as error:
            read_catalog(f"{server}/secret.csv")
        assert str(error.value).startswith(f"{server}/secret.csv cannot be reached: ")
        assert "403" in str(error.value)

    def test_a_server_that_is_not_there_is_told(self):
        with pytest.raises(CatalogError, match="cannot be reached"):
            read_catalog("http://127.0.0.1:9/c.csv")
