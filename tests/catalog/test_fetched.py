"""Photos behind addresses, downloaded for a catalogue."""

import logging

import numpy as np
import pytest
from PIL import Image

from cv_tf.catalog import read_catalog, read_products
from cv_tf.config import CatalogSettings
from cv_tf.downloads import Downloaded
from cv_tf.pipeline import load_photos

GONE = "the server answers 404 (Not Found)"


@pytest.fixture
def server(monkeypatch, tmp_path):
    """What is asked of servers: all photos are there but those named `gone`."""
    asked = []

    def download_photos(addresses, cache, limits, refresh=False, progress=True):
        del progress
        asked.append((list(addresses), cache, limits, refresh))
        return {
            address: Downloaded(reason=GONE)
            if "gone" in address
            else Downloaded(f"{cache}/{address.rpartition('/')[2]}")
            for address in addresses
        }

    monkeypatch.setattr("cv_tf.downloads.download_photos", download_photos)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return asked


@pytest.fixture
def read(tmp_path):
    """A function from the lines of a table to its catalogue, with a cache."""

    def read(*lines, **settings):
        path = tmp_path / "c.csv"
        path.write_text("\n".join(lines), encoding="utf-8")
        settings = {"photo_cache": str(tmp_path / "photos")} | settings
        return read_products(
            CatalogSettings(catalog=str(path), block_columns=(), **settings)
        )

    return read


def test_photos_are_those_of_the_cache_and_know_their_addresses(server, read, tmp_path):
    catalog = read("product_id,image", "1,https://s.com/a.jpg", "2,b.jpg", "3,")
    assert catalog.image.tolist() == [
        f"{tmp_path}/photos/a.jpg",
        f"{tmp_path}/b.jpg",
        "",
    ]
    assert catalog.address.tolist() == ["https://s.com/a.jpg", "", ""]
    assert catalog.extras["image_link"].tolist() == ["https://s.com/a.jpg", "", ""]
    assert catalog.unusable is None
    assert catalog.more_images is None
    assert [addresses for addresses, *_ in server] == [["https://s.com/a.jpg"]]


def test_a_photo_is_asked_for_once(server, read):
    read("product_id,image", "1,https://s.com/a", "2,https://s.com/a https://s.com/b")
    ((addresses, *_),) = server
    assert addresses == ["https://s.com/a", "https://s.com/b"]


def test_tables_without_addresses_ask_nothing(server, read):
    catalog = read("product_id,image", "1,a.jpg", "2,horse.jpg", "3,gs://b/http.jpg")
    assert catalog.address is None
    assert "image_link" not in catalog.extras
    assert server == []


def test_only_the_products_of_a_split_are_asked_for(server, tmp_path):
    rows = "1,https://s.com/a,train\n2,https://s.com/b,test\n"
    (tmp_path / "c.csv").write_text(f"product_id,image,split\n{rows}", "utf-8")
    settings = CatalogSettings(catalog=f"{tmp_path}/c.csv", block_columns=())
    assert len(read_products(settings, "test")) == 1
    assert [addresses for addresses, *_ in server] == [["https://s.com/b"]]


def test_settings_are_the_limits(server, read):
    read(
        "product_id,image",
        "1,https://s.com/a",
        downloads_at_once=3,
        downloads_per_second=2.5,
        download_seconds=7.0,
        download_megabytes=8.0,
        allow_http=True,
        allow_private_addresses=True,
        refresh_photos=True,
    )
    ((_, _, limits, refresh),) = server
    assert (limits.at_once, limits.per_second, limits.seconds) == (3, 2.5, 7.0)
    assert (limits.megabytes, limits.allow_http, limits.allow_private) == (
        8,
        True,
        True,
    )
    assert refresh is True


def test_by_default_neither_http_nor_this_network_is_asked(server, tmp_path):
    (tmp_path / "c.csv").write_text("product_id,image\n1,http://s.com/a\n", "utf-8")
    read_catalog(tmp_path / "c.csv", ())
    ((_, _, limits, refresh),) = server
    assert (limits.allow_http, limits.allow_private, refresh) == (False, False, False)


class TestFailures:
    @pytest.mark.integration
    def test_become_rejects_with_the_reason(self, server, read, tmp_path):
        Image.new("RGB", (20, 20), "navy").save(tmp_path / "b.png")
        catalog = read("product_id,image", "1,https://s.com/gone.jpg", "2,b.png")
        assert catalog.image[0] == "https://s.com/gone.jpg"
        assert catalog.unusable.tolist() == [GONE, ""]
        photos = load_photos(catalog, 8, on_bad_image="reject", progress=False)
        assert photos.catalog.product_id.tolist() == ["2"]
        assert photos.rejects == (("1", "https://s.com/gone.jpg", GONE),)

    def test_of_one_of_several_photos_leave_the_others(self, server, read, caplog):
        with caplog.at_level(logging.WARNING, "absl"):
            catalog = read(
                "product_id,image",
                "1,https://s.com/gone1 https://s.com/b https://s.com/c",
                "2,https://s.com/d https://s.com/gone2",
                "3,https://s.com/gone3 https://s.com/gone4",
            )
        assert [path.rpartition("/")[2] for path in catalog.image] == [
            "b",
            "d",
            "gone3",
        ]
        more = [[it.rpartition("/")[2] for it in of] for of in catalog.more_images]
        assert more == [["c"], [], []]
        assert catalog.address.tolist() == [
            "https://s.com/b",
            "https://s.com/d",
            "https://s.com/gone3",
        ]
        assert catalog.unusable.tolist() == ["", "", GONE]
        further = catalog.extras["additional_image_link"].tolist()
        assert further == ["https://s.com/c", "", ""]
        (said,) = caplog.messages
        assert said.startswith(
            "c.csv: 2 photos of products that have others could not be downloaded, "
            f"such as https://s.com/gone1: {GONE}."
        )

    def test_a_local_photo_takes_the_place(self, server, read, tmp_path):
        catalog = read("product_id,image", '1,"https://s.com/gone.jpg\nb.jpg"')
        assert catalog.image.tolist() == [f"{tmp_path}/b.jpg"]
        assert catalog.address.tolist() == [""]

    def test_a_box_is_not_that_of_another_photo(self, server, read):
        catalog = read(
            "product_id,image,x,y,width,height",
            '1,"https://s.com/gone https://s.com/b",1,2,3,4',
            "2,https://s.com/c,5,6,7,8",
        )
        assert np.isnan(catalog.box[0]).all()
        assert catalog.box[1].tolist() == [5, 6, 7, 8]


def test_a_column_of_links_in_the_table_stays(server, read):
    catalog = read("product_id,image,image_link", "1,https://s.com/a,mine")
    assert catalog.extras["image_link"].tolist() == ["mine"]
