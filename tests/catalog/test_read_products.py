"""The products that settings name."""

import pytest

from cv_tf.catalog import CatalogError, read_products
from cv_tf.config import CatalogSettings, Config


def test_a_table_and_its_blocks(drawn_catalog):
    by_two = Config(catalog=str(drawn_catalog), block_columns=("category", "color"))
    catalog = read_products(by_two)
    assert len(catalog) == 45
    assert "Shirts / navy" in catalog.block_names
    assert len(catalog.block_names) == 5  # No trousers are crimson.


def test_no_blocks(drawn_catalog):
    catalog = read_products(Config(catalog=str(drawn_catalog), block_columns=()))
    assert set(catalog.block) == {0}


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(CatalogError, match=r"nowhere\.csv does not exist"):
        read_products(CatalogSettings(catalog=f"{tmp_path}/nowhere.csv"))


class TestDataset:
    @pytest.fixture
    def loaded(self, monkeypatch):
        """What is asked of TFDS, in place of an answer."""
        asked = []

        def load_dataset(name, **options):
            asked.append((name, options))
            return "the data set"

        monkeypatch.setattr("cv_tf.catalog.load_dataset", load_dataset)
        return asked

    @pytest.mark.parametrize(("given", "folder"), [("", None), ("data", "data")])
    def test_without_a_table(self, given, folder, loaded):
        settings = CatalogSettings(
            dataset="shoes/small", data_dir=given, block_columns=("brand",)
        )
        assert read_products(settings) == "the data set"
        options = {"data_dir": folder, "block_columns": ("brand",)}
        assert loaded == [("shoes/small", options)]

    def test_a_table_takes_its_place(self, loaded, drawn_catalog):
        settings = CatalogSettings(dataset="shoes", catalog=str(drawn_catalog))
        assert len(read_products(settings)) == 45
        assert loaded == []
