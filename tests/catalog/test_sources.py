"""What --catalog may name: a table, a folder of photos, or a data set."""

import logging
import shutil

import pytest

from cv_tf.catalog import CatalogError, read_catalog, read_products
from cv_tf.config import CatalogSettings

TABLE = "product_id,image,category,split\n1,a.jpg,Bag,train\n2,b.jpg,Bag,test\n"


@pytest.fixture
def asked(monkeypatch):
    """The names of the data sets that are asked of TFDS, in place of an answer."""
    names = []

    def load_dataset(name, **_):
        names.append(name)
        return "the data set"

    monkeypatch.setattr("cv_tf.catalog.load_dataset", load_dataset)
    return names


def read(name, split="", **settings):
    return read_products(CatalogSettings(catalog=str(name), **settings), split)


class TestNames:
    @pytest.mark.parametrize(
        "name", ["t.csv", "t.txt", "table", "a.b.csv", "t.csv.bak"]
    )
    def test_of_a_table(self, name, tmp_path, monkeypatch, asked):
        monkeypatch.chdir(tmp_path)
        (tmp_path / name).write_text(TABLE, encoding="utf-8")
        assert len(read(name)) == len(read(tmp_path / name)) == 2
        assert asked == []

    def test_of_a_split_of_a_table(self, tmp_path):
        (tmp_path / "t.csv").write_text(TABLE, encoding="utf-8")
        assert read(tmp_path / "t.csv", "test").product_id.tolist() == ["2"]

    @pytest.mark.parametrize("name", ["photos", "./photos", "photos/", "~/photos"])
    def test_of_a_folder_of_photos(self, name, tmp_path, monkeypatch, asked):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / "photos").mkdir()
        (tmp_path / "photos" / "a.jpg").write_bytes(b"photo")
        catalog = read(name)
        assert catalog.image.tolist() == [f"{tmp_path}/photos/a.jpg"]
        assert asked == []

    def test_of_a_prepared_data_set(self, tmp_path, asked):
        (tmp_path / "dataset_info.json").write_text("{}", encoding="utf-8")
        assert read(tmp_path) == "the data set"
        assert asked == [str(tmp_path)]

    @pytest.mark.parametrize(
        "name", ["shoes", "shoes/small", "shoes:1.0.0", "s/a.b:1.*"]
    )
    def test_of_a_data_set(self, name, tmp_path, monkeypatch, asked):
        monkeypatch.chdir(tmp_path)
        assert read(name) == "the data set"
        assert asked == [name]

    @pytest.mark.parametrize(
        "name", ["nowhere.csv", "./shoes", "/shoes", "Shoes", "a b"]
    )
    def test_of_nothing(self, name, tmp_path, monkeypatch, asked):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(CatalogError, match=r"does not exist\."):
            read(name)
        assert asked == []

    @pytest.mark.parametrize("name", ["X" * 5000, f"{'x' * 300}.csv"])
    def test_that_no_file_can_have(self, name):
        with pytest.raises(CatalogError, match="too long"):
            read(name)


class TestMissingFiles:
    def test_have_a_near_name(self, tmp_path):
        shutil.copy(__file__, tmp_path / "catalog.csv")
        with pytest.raises(CatalogError) as error:
            read(tmp_path / "catalogue.csv")
        expected = "catalogue.csv does not exist. Did you mean 'catalog.csv'?"
        assert str(error.value).endswith(expected)

    def test_may_have_none(self, tmp_path):
        with pytest.raises(CatalogError, match=r"catalogue\.csv does not exist\.$"):
            read(tmp_path / "catalogue.csv")

    def test_may_be_in_no_folder(self, tmp_path):
        with pytest.raises(CatalogError, match=r"Nor does its folder .*/none\.$"):
            read(tmp_path / "none" / "catalog.csv")


class TestTables:
    @pytest.fixture
    def table(self, tmp_path):
        """A function from the lines of a table to its path."""

        def write(*lines):
            (tmp_path / "t.csv").write_text("\n".join(lines), encoding="utf-8")
            return tmp_path / "t.csv"

        return write

    def test_without_a_category_are_one_block_which_is_said(self, table, caplog):
        with caplog.at_level(logging.WARNING, "absl"):
            catalog = read_catalog(table("product_id,image,catgory", "1,a.jpg,Bag"))
        assert catalog.block_names == ("all",)
        assert "t.csv has no column 'category': all products are one" in caplog.text
        assert "Did you mean 'catgory'?" in caplog.text

    def test_columns_of_blocks_go_by_the_names_of_the_table(self, table):
        path = table("sku,photo,Kategorie,Marke", "1,a.jpg,Bag,X", "2,b.jpg,Bag,Y")
        catalog = read_catalog(path, ("Kategorie", "Marke"))
        assert catalog.block_names == ("Bag / X", "Bag / Y")
        assert catalog.extras["Marke"].tolist() == ["X", "Y"]
        assert catalog.extras["brand"].tolist() == ["X", "Y"]

    def test_a_column_of_blocks_that_is_not_there_is_told(self, table):
        with pytest.raises(CatalogError) as error:
            read_catalog(table("product_id,image,brand", "1,a.jpg,x"), ("brnd",))
        assert "no column 'brnd' (is it 'brand'?)" in str(error.value)
        assert "--block_columns" in str(error.value)

    def test_columns_that_are_missing_can_be_named(self, table):
        path = table("ref,shot", "1,a.jpg")
        with pytest.raises(CatalogError) as error:
            read_catalog(path, ())
        assert "--columns=product_id:sku,image:photo" in str(error.value)
        columns = ["product_id:ref", "image:shot"]
        assert read_catalog(path, (), columns).product_id.tolist() == ["1"]

    def test_columns_that_are_wrong_are_told_with_the_file(self, table):
        with pytest.raises(CatalogError, match=r"t\.csv: --columns=x is no layout"):
            read_catalog(table("product_id,image", "1,a.jpg"), (), ["x"])

    def test_further_columns_are_kept_but_empty_ones(self, table):
        path = table("product_id,image,note,none,x", "1,a.jpg,hi,,5", "2,b.jpg,,,6")
        extras = read_catalog(path, ()).extras
        assert {name: cells.tolist() for name, cells in extras.items()} == {
            "note": ["hi", ""]
        }

    def test_ids_may_have_line_breaks(self, table):
        path = table("product_id,image", '"a\nb",a.jpg', "c,b.jpg")
        catalog = read_catalog(path, ())
        assert catalog.product_id.tolist() == ["a\nb", "c"]
        assert catalog.line.tolist() == [2, 4]

    def test_so_many_columns_are_read(self, table):
        names = [f"c{number}" for number in range(16_000)]
        path = table(f"product_id,image,{','.join(names)}", f"1,a.jpg,{',' * 15_999}")
        assert read_catalog(path, ()).extras == {}
        path = table(f"sku,photo,{','.join(names)}", f"1,a.jpg,{',' * 15_999}")
        assert len(read_catalog(path, ())) == 1

    def test_a_relative_path_has_an_absolute_folder(self, table, monkeypatch, tmp_path):
        table("product_id,image", "1,a.jpg")
        (tmp_path / "sub").mkdir()
        monkeypatch.chdir(tmp_path / "sub")
        assert read_catalog("../t.csv", ()).image.tolist() == [f"{tmp_path}/a.jpg"]
