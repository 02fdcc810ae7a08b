"""The photos that settings name."""

import numpy as np
import pytest

from cv_tf.catalog import CatalogError, read_products
from cv_tf.config import Config
from cv_tf.pipeline import photos_of


def test_photos_as_the_settings_say(drawn_catalog, tmp_path):
    config = Config(
        catalog=str(drawn_catalog), frame="photo", cache_dir=str(tmp_path / "cache")
    )
    whole = photos_of(read_products(config), config, 32)
    assert whole.pixels.shape == (45, 32, 32, 3)
    assert any((tmp_path / "cache").iterdir())
    framed = photos_of(
        read_products(config), Config(frame="auto", memory_gigabytes=0.0), 32
    )
    assert framed.pixels is None  # Decoded batch by batch.
    assert not np.array_equal(framed.in_memory(False).pixels, whole.pixels)


def test_photos_that_cannot_be_read(changed_catalog):
    bad = {"product_id": "lost", "image": "lost.jpg", "style_id": ""}
    bad |= {"category": "Shirts", "color": "", "split": "train"}
    table = changed_catalog("lost.csv", more=(bad,))
    config = Config(catalog=str(table))
    with pytest.raises(CatalogError, match=r"lost\.jpg(.|\n)*--on_bad_image"):
        photos_of(read_products(config), config, 32)
    config = Config(catalog=str(table), on_bad_image="reject")
    photos = photos_of(read_products(config), config, 32)
    assert len(photos) == 45
    assert [reject.product_id for reject in photos.rejects] == ["lost"]
