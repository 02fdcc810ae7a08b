"""Several photos of a product: in one cell, or in rows that repeat its id."""

import json
import logging
import random
import time

import pytest

from cv_tf.catalog import CatalogError, read_catalog
from cv_tf.catalog.several_photos import split_photos


@pytest.fixture
def read(tmp_path):
    """A function from the lines of a table to its catalogue, without downloads."""

    def read(*lines, name="c.csv", **options):
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
        options = {"block_columns": ()} | options
        return read_catalog(tmp_path / name, fetch=False, **options)

    return read


def photos(catalog, folder):
    """All photos of each product, by its id, relative to a folder."""
    more = catalog.more_images
    return {
        product: [
            path.removeprefix(f"{folder}/")
            for path in (catalog.image[row], *(() if more is None else more[row]))
        ]
        for row, product in enumerate(catalog.product_id)
    }


class TestCells:
    @pytest.mark.parametrize(
        ("cell", "expected"),
        [
            ("a.jpg", ["a.jpg"]),
            ("a.jpg,b.jpg", ["a.jpg", "b.jpg"]),
            ("a.jpg ; b.PNG", ["a.jpg", "b.PNG"]),
            ("a.jpg|b.jpg|", ["a.jpg", "b.jpg"]),
            ("a.jpg\nb.jpg", ["a.jpg", "b.jpg"]),
            ("a.jpg\n\nb.jpg,c.jpg", ["a.jpg", "b.jpg", "c.jpg"]),
            ("red, blue.jpg", ["red, blue.jpg"]),  # One name with a comma.
            ("a b.jpg", ["a b.jpg"]),
            ("photos//a.jpg,photos//b.jpg", ["photos//a.jpg", "photos//b.jpg"]),
            (",", [","]),
            ("https://s/a.jpg", ["https://s/a.jpg"]),
            ("https://s/a.jpg,https://s/b", ["https://s/a.jpg", "https://s/b"]),
            ("https://s/a https://s/b", ["https://s/a", "https://s/b"]),
            ("//s.com/a | HTTP://s/b", ["//s.com/a", "HTTP://s/b"]),
            ("https://s/w_1,h_2/a.jpg", ["https://s/w_1,h_2/a.jpg"]),
            ("https://s/a.jpg, ,https://s/b,", ["https://s/a.jpg", "https://s/b"]),
            ("gs://b/a.jpg;s3://b/b.jpg", ["gs://b/a.jpg", "s3://b/b.jpg"]),
            ("file:///a.jpg,file:///b.jpg", ["file:///a.jpg", "file:///b.jpg"]),
        ],
    )
    def test_are_split_where_another_photo_begins(self, cell, expected):
        assert split_photos(cell) == expected

    def test_ten_thousand_addresses_in_a_cell(self, read, tmp_path):
        addresses = [f"https://s.com/{number}.jpg" for number in range(10_000)]
        catalog = read("product_id,image", f'1,"{", ".join(addresses)}"')
        assert photos(catalog, tmp_path) == {"1": addresses}

    def test_a_cell_of_blanks_takes_no_time(self):
        cell = f"https://s.com/a.jpg{' ' * 300_000}x"
        start = time.perf_counter()
        assert split_photos(cell) == [cell]
        assert time.perf_counter() - start < 2

    def test_the_first_is_the_image_and_none_is_there_twice(self, read, tmp_path):
        catalog = read("product_id,image", '1,"b.jpg;a.jpg;./b.jpg"', "2,c.jpg")
        assert photos(catalog, tmp_path) == {"1": ["b.jpg", "a.jpg"], "2": ["c.jpg"]}
        assert catalog.more_images.tolist() == [(f"{tmp_path}/a.jpg",), ()]

    def test_without_further_ones_there_is_no_column(self, read):
        assert read("product_id,image", "1,a b.jpg", "2,").more_images is None

    def test_one_that_leaves_the_folder_is_told_with_its_line(self, read):
        with pytest.raises(CatalogError) as error:
            read("product_id,image", "1,a.jpg", '2,"b.jpg|../c.jpg"')
        assert "line 3: image '../c.jpg' leaves the table's folder" in str(error.value)

    def test_a_column_of_additional_ones(self, read, tmp_path):
        catalog = read(
            "product_id,image,additional_image_link",
            '1,a.jpg,"b.jpg,c.jpg"',
            "2,d.jpg,",
        )
        found = {"1": ["a.jpg", "b.jpg", "c.jpg"], "2": ["d.jpg"]}
        assert photos(catalog, tmp_path) == found
        assert "more_images" not in catalog.extras

    def test_a_list_in_json_lines(self, read, tmp_path):
        row = {"product_id": "1", "image": ["a.jpg", "b,c.jpg"]}
        catalog = read(json.dumps(row), name="c.jsonl")
        assert photos(catalog, tmp_path) == {"1": ["a.jpg", "b,c.jpg"]}


class TestRows:
    def test_that_repeat_an_id_are_photos_of_one_product(self, read, tmp_path, caplog):
        with caplog.at_level(logging.WARNING, "absl"):
            catalog = read(
                "product_id,image,color,title",
                "1,a.jpg,,Bag",
                "2,b.jpg,red,",
                "1,c.jpg,blue,Bag",
                "1,a.jpg,blue,",
            )
        found = {"1": ["a.jpg", "c.jpg"], "2": ["b.jpg"]}
        assert photos(catalog, tmp_path) == found
        assert catalog.color.tolist() == ["blue", "red"]
        assert catalog.line.tolist() == [2, 3]
        assert "2 rows repeat the product_id of an earlier one" in caplog.text
        assert "of 1 products" in caplog.text

    @pytest.mark.parametrize(
        "column", ["style_id", "color", "split", "title", "brand", "material"]
    )
    def test_of_several_products_are_told(self, read, column):
        with pytest.raises(CatalogError) as error:
            read(f"product_id,image,{column}", "7,a.jpg,x", "8,b.jpg,x", "7,c.jpg,y")
        expected = (
            f"line 4: product_id '7' was already on line 2, with another {column}"
        )
        assert expected in str(error.value)

    def test_of_another_block_are_told(self, read):
        lines = ("product_id,image,shelf", "7,a.jpg,x", "7,c.jpg,y")
        with pytest.raises(CatalogError, match="another shelf"):
            read(*lines, block_columns=("shelf",))

    def test_what_they_differ_in_besides_is_said(self, read, caplog):
        with caplog.at_level(logging.WARNING, "absl"):
            catalog = read(
                "product_id,image,price,weight,note", "1,a.jpg,5,,x", "1,b.jpg,6,3,x"
            )
        assert "rows of one product differ in 'price': what its first" in caplog.text
        assert catalog.extras["price"].tolist() == ["5"]
        assert catalog.extras["weight"].tolist() == ["3"]  # Was empty.

    def test_a_box_stays_with_the_first_photo(self, read, caplog):
        with caplog.at_level(logging.WARNING, "absl"):
            catalog = read(
                "product_id,image,x,y,width,height",
                "1,a.jpg,,,,",
                "1,b.jpg,1,2,3,4",
                "2,c.jpg,5,6,7,8",
            )
        assert "differ in 'height', 'width', 'x', 'y'" in caplog.text
        assert catalog.box[1].tolist() == [5, 6, 7, 8]
        each, _ = catalog.by_photo()
        assert str(each.box[:, 0].tolist()) == "[nan, nan, 5.0]"

    def test_empty_ids_are_not_one_product(self, read):
        with pytest.raises(CatalogError, match="2 problems") as error:
            read("product_id,image", ",a.jpg", ",b.jpg", "1,c.jpg", "1,d.jpg")
        assert "line 2: product_id is empty" in str(error.value)

    def test_no_photo_is_lost(self, read, tmp_path):
        for seed in range(20):
            chance = random.Random(seed)
            rows, expected = ["product_id,image"], {}
            for number in range(30):
                product = str(chance.randrange(8))
                cell = [f"{number}-{i}.jpg" for i in range(chance.randrange(1, 4))]
                rows.append(f"{product},{'|'.join(cell)}")
                expected.setdefault(product, []).extend(cell)
            assert photos(read(*rows), tmp_path) == expected


class TestByPhoto:
    def test_has_a_row_for_each_photo(self, read, tmp_path):
        catalog = read("product_id,image,color", "1,a.jpg|b.jpg,red", "2,c.jpg,blue")
        each, product = catalog.by_photo()
        names = [path.removeprefix(f"{tmp_path}/") for path in each.image]
        assert names == ["a.jpg", "b.jpg", "c.jpg"]
        assert product.tolist() == [0, 0, 1]
        assert each.color.tolist() == ["red", "red", "blue"]
        assert each.more_images is None
        assert catalog.image[0] == f"{tmp_path}/a.jpg"  # Stays as it was.


class TestHostileCells:
    @pytest.mark.parametrize(
        "cell", ["javascript:alert(1)", "data:image/png;base64,AA"]
    )
    def test_what_is_no_path_stays_within_the_folder(self, read, tmp_path, cell):
        catalog = read("product_id,image", f'1,"{cell}"')
        assert catalog.image[0] == f"{tmp_path}/{cell}"

    def test_servers_of_other_machines_stay_as_they_are(self, read):
        catalog = read("product_id,image", "1,file://evil/x.jpg", "2,//evil.example/x")
        assert catalog.image.tolist() == ["file://evil/x.jpg", "https://evil.example/x"]

    @pytest.mark.parametrize("cell", ["../../x.jpg", "/../x.jpg", "a/../../x.jpg"])
    def test_no_path_leaves_an_address(self, read, cell):
        catalog = read("product_id,image", f"1,{cell}", image_base="https://s.com/p/")
        assert catalog.image[0] == "https://s.com/p/x.jpg"

    def test_no_path_leaves_a_folder(self, read, tmp_path):
        (tmp_path / "photos").mkdir()
        base = f"{tmp_path}/photos"
        assert read("product_id,image", "1,a.jpg", image_base=base).image.tolist() == [
            f"{base}/a.jpg"
        ]
        with pytest.raises(CatalogError, match="leaves the folder"):
            read("product_id,image", "1,../c.csv", image_base=base)

    def test_a_base_that_is_no_folder_is_told(self, read, tmp_path):
        with pytest.raises(CatalogError, match=r"--image_base=.*nowhere is no folder"):
            read("product_id,image", "1,a.jpg", image_base=f"{tmp_path}/nowhere")


class TestSharedPhotos:
    def test_a_chart_that_products_share_is_left_out_and_said(
        self, read, tmp_path, caplog
    ):
        with caplog.at_level(logging.WARNING, "absl"):
            catalog = read(
                "product_id,image", "a,a.jpg;chart.jpg;a2.jpg", "b,b.jpg;chart.jpg"
            )
        found = photos(catalog, tmp_path)
        assert found == {"a": ["a.jpg", "a2.jpg"], "b": ["b.jpg"]}
        assert "photos that several products have beside others" in caplog.text
        assert "are left out: 1, such as" in caplog.text

    def test_sizes_of_one_color_keep_what_they_have_in_common(self, read, tmp_path):
        catalog = read("product_id,image", "s,a.jpg;b.jpg", "m,a.jpg;b.jpg")
        assert photos(catalog, tmp_path) == {
            "s": ["a.jpg", "b.jpg"],
            "m": ["a.jpg", "b.jpg"],
        }

    def test_a_photo_that_is_the_first_of_any_stays(self, read, tmp_path):
        rows = ("s,a.jpg;b.jpg", "m,a.jpg", "l,c.jpg;a.jpg")
        found = photos(read("product_id,image", *rows), tmp_path)
        assert found == {
            "s": ["a.jpg", "b.jpg"],
            "m": ["a.jpg"],
            "l": ["c.jpg", "a.jpg"],
        }

    @pytest.mark.parametrize("number", [4, 5])
    def test_a_placeholder_is_said(self, read, caplog, number):
        rows = [f"{i},soon.jpg,Title {i}" for i in range(number)]
        with caplog.at_level(logging.WARNING, "absl"):
            read("product_id,image,title", *rows, "x,x.jpg,Other")
        is_said = "soon.jpg is the photo of 5 different products" in caplog.text
        assert is_said == (number == 5)

    def test_sizes_of_one_product_have_no_placeholder(self, read, caplog):
        rows = [f"{size},a.jpg,Shirt {size},shirt" for size in "123456789"]
        with caplog.at_level(logging.WARNING, "absl"):
            read("product_id,image,title,parent", *rows)
        assert "different products" not in caplog.text


class TestColumnOfPhotos:
    def test_is_known_by_its_cells(self, read, tmp_path, caplog):
        with caplog.at_level(logging.WARNING, "absl"):
            catalog = read("SKU,Produktbild,Note", "1,a.JPG,x", "2,b.png?v=2,y", "3,,z")
        assert photos(catalog, tmp_path)["1"] == ["a.JPG"]
        assert "image is taken from 'Produktbild'" in caplog.text

    @pytest.mark.parametrize(
        "lines",
        [
            ("SKU,Front,Back", "1,a.jpg,b.jpg"),  # Which one?
            ("SKU,Front", "1,a.jpg", "2,b.txt"),
            ("SKU,Front", "1,", "2,"),
        ],
    )
    def test_is_not_guessed(self, read, lines):
        with pytest.raises(CatalogError, match=r"no column 'image'.*\['SKU', 'Front'"):
            read(*lines)
