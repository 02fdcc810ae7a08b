import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf

from cv_tf.catalog import CatalogError, read_catalog


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def problems_of(path, **kwargs):
    with pytest.raises(CatalogError) as error:
        read_catalog(path, **kwargs)
    return str(error.value)


TABLE = """product_id,image,style_id,color,category,split,gender
007,images/a.jpg,S2,Red,Shirt,train,Men
0108775015,/photos/b.jpg,S1,Blue,Dress,train,Women
10,gs://bucket/c.jpg,,Green,Shirt,validation,Women
11,images/sub/../d.jpg,S1,"Navy, dark",Dress,validation,Women
"""


def test_every_column_arrives_as_written(tmp_path):
    catalog = read_catalog(write(tmp_path / "catalog.csv", TABLE))
    assert list(catalog.product_id) == ["007", "0108775015", "10", "11"]
    assert list(catalog.image) == [
        f"{tmp_path}/images/a.jpg",
        "/photos/b.jpg",
        "gs://bucket/c.jpg",
        f"{tmp_path}/images/d.jpg",
    ]
    assert list(catalog.style) == [1, 0, -1, 0]  # S1, S2 in sorted order
    assert list(catalog.style_id) == ["S2", "S1", "", "S1"]
    assert list(catalog.color) == ["Red", "Blue", "Green", "Navy, dark"]
    assert catalog.block_names == ("Dress", "Shirt")
    assert list(catalog.block) == [1, 0, 1, 0]
    assert list(catalog.split) == ["train", "train", "validation", "validation"]
    assert list(catalog.line) == [2, 3, 4, 5]
    assert catalog.name == "catalog.csv"
    assert catalog.folder == str(tmp_path)
    assert catalog.box is None


def test_csv_and_parquet_of_the_same_table_agree(tmp_path):
    csv = read_catalog(write(tmp_path / "c.csv", TABLE))
    rows = [line.split(",") for line in TABLE.replace('"Navy, dark"', "x").split()]
    columns = dict(zip(rows[0], zip(*rows[1:], strict=True), strict=True))
    columns["style_id"] = [style or None for style in columns["style_id"]]
    pq.write_table(pa.table(columns), tmp_path / "c.parquet")
    parquet = read_catalog(tmp_path / "c.parquet")
    for name in ("product_id", "image", "style", "style_id", "block", "split"):
        assert list(getattr(csv, name)) == list(getattr(parquet, name))
    assert list(parquet.line) == [1, 2, 3, 4]


def test_parquet_ids_may_be_whole_numbers_and_other_columns_anything(tmp_path):
    table = pa.table(
        {
            "product_id": pa.array([7, 2**40], pa.int64()),
            "image": ["a.jpg", "b.jpg"],
            "category": pa.array(["Bag", "Hat"]).dictionary_encode(),
            "tags": [["x"], []],
        }
    )
    pq.write_table(table, tmp_path / "c.parquet")
    catalog = read_catalog(tmp_path / "c.parquet")
    assert list(catalog.product_id) == ["7", "1099511627776"]
    assert catalog.block_names == ("Bag", "Hat")


def test_two_block_columns_make_named_pairs(tmp_path):
    path = write(tmp_path / "c.csv", TABLE)
    catalog = read_catalog(path, block_columns=("category", "gender"))
    assert catalog.block_names == ("Dress / Women", "Shirt / Men", "Shirt / Women")
    assert list(catalog.block) == [1, 0, 2, 0]


def test_no_block_columns_put_all_in_one_block(tmp_path):
    catalog = read_catalog(write(tmp_path / "c.csv", TABLE), block_columns=())
    assert list(catalog.block) == [0, 0, 0, 0]
    assert len(catalog.block_names) == 1


def test_byte_order_mark_and_windows_line_ends_do_not_matter(tmp_path):
    plain = read_catalog(write(tmp_path / "a.csv", TABLE))
    text = TABLE.replace("\n", "\r\n")
    marked = read_catalog(write(tmp_path / "b.csv", text, "utf-8-sig"))
    assert list(plain.product_id) == list(marked.product_id)
    assert list(plain.line) == list(marked.line)


def test_lines_are_those_of_the_file_past_blank_lines_and_line_breaks(tmp_path):
    text = 'product_id,image,color\n1,a.jpg,"two\nlines"\n\n2,b.jpg,Red\n2,c.jpg,Blue\n'
    path = write(tmp_path / "c.csv", text)
    message = problems_of(path, block_columns=())
    assert "line 6: product_id '2' was already on line 5" in message


def test_all_problems_are_told_at_once_with_their_lines(tmp_path):
    text = (
        "product_id,image,category,x,y,width,height\n"
        "1,a.jpg,Bag,,,,\n"
        "1,b.jpg,Belt,,,,\n"
        " ,c.jpg,Bag,,,,\n"
        "4,../secret.jpg,Bag,,,,\n"
        "5,e/../../f.jpg,Bag,,,,\n"
        "6,f.jpg,Bag,1,2,wide,4\n"
        "7,g.jpg,Bag,1,2,0,4\n"
        "8,h.jpg,Bag,1,2,,4\n"
        "9,i.jpg,Bag, with a comma,,,,\n"
    )
    message = problems_of(write(tmp_path / "c.csv", text))
    assert "c.csv: 8 problems" in message
    for line in range(3, 11):
        assert f"line {line}: " in message
    assert "line 2: " not in message
    assert "8 cells, but the header has 7" in message
    assert "leaves the table's folder" in message


def test_many_problems_are_counted_and_twenty_are_shown(tmp_path):
    rows = "".join(f"same,a.jpg,{row}\n" for row in range(50))
    text = f"product_id,image,color\n{rows}"
    message = problems_of(write(tmp_path / "c.csv", text), block_columns=())
    assert "49 problems" in message
    assert message.count("  line ") == 20
    assert "29 more" in message


def test_a_missing_column_names_those_there_and_the_nearest(tmp_path):
    path = write(tmp_path / "c.csv", "produce_id,image,gendre\n1,a.jpg,Men\n")
    message = problems_of(path, block_columns=("gender",))
    assert "no column 'product_id' (is it 'produce_id'?)" in message
    assert "no column 'gender' (is it 'gendre'?)" in message
    assert "['produce_id', 'image', 'gendre']" in message
    assert "--block_columns" in message


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the file is empty"),
        (b"product_id,image,category\n", "no products"),
        (b'"product_id,image"\n"1,a.jpg"\n', "Quote cells, not whole lines"),
        (b"product_id,image,image\n1,a,b\n", "names 'image' twice"),
        (
            ("product_id,image\n1," + 9 * "caf\xe9" + ".jpg\n").encode() + b"\xff",
            "not UTF-8",
        ),
        (b'product_id,image\n1,"a.jpg\n2,b.jpg\n', "quote"),
    ],
)
def test_files_that_are_no_table_say_why(tmp_path, content, expected):
    path = tmp_path / "c.csv"
    path.write_bytes(content)
    assert expected in problems_of(path)


def test_a_parquet_file_that_is_none_says_so(tmp_path):
    path = write(tmp_path / "c.parquet", TABLE)
    assert "cannot be read as Parquet: it is no Parquet file" in problems_of(path)


def test_a_missing_table_says_so(tmp_path):
    assert "does not exist" in problems_of(tmp_path / "none.csv")


def test_boxes_are_read_where_given(tmp_path):
    text = (
        "product_id,image,x,y,width,height\n"
        "1,a.jpg,10,20.5,30,40\n2,b.jpg,,,,\n3,c.jpg,0,0,1,1\n"
    )
    catalog = read_catalog(write(tmp_path / "c.csv", text), block_columns=())
    expected = np.array([[10, 20.5, 30, 40], [np.nan] * 4, [0, 0, 1, 1]], np.float32)
    np.testing.assert_array_equal(catalog.box, expected)


def test_a_width_column_alone_is_not_a_box(tmp_path):
    text = "product_id,image,width\n1,a.jpg,wide fit\n"
    catalog = read_catalog(write(tmp_path / "c.csv", text), block_columns=())
    assert catalog.box is None


def test_select_takes_rows_and_keeps_numbers(tmp_path):
    catalog = read_catalog(write(tmp_path / "c.csv", TABLE))
    some = catalog.select(np.array([3, 0]))
    assert list(some.product_id) == ["11", "007"]
    assert list(some.style) == [0, 1]
    assert list(some.block) == [0, 1]
    assert list(some.line) == [5, 2]
    assert some.block_names == catalog.block_names


def test_where_split_takes_one_split_or_says_which_there_are(tmp_path):
    catalog = read_catalog(write(tmp_path / "c.csv", TABLE))
    for split in ("validation", " validation\xa0"):
        assert list(catalog.where_split(split).product_id) == ["10", "11"]
    with pytest.raises(CatalogError, match="'train', 'validation'"):
        catalog.where_split("test")


@pytest.mark.integration
def test_checking_a_table_does_not_load_tensorflow(tmp_path):
    path = write(tmp_path / "c.csv", TABLE)
    code = (
        "import sys; from cv_tf.catalog import read_catalog; "
        f"read_catalog({str(path)!r}); sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_remote_table_is_read_with_images_beside_it(tmp_path):
    text = "product_id,image\n1,images/a.jpg\n"
    (tmp_path / "c.csv").write_text(text, encoding="utf-8")
    tf.io.gfile.copy(f"{tmp_path}/c.csv", f"ram://{tmp_path}/c.csv")
    catalog = read_catalog(f"ram://{tmp_path}/c.csv", block_columns=())
    assert list(catalog.image) == [f"ram://{tmp_path}/images/a.jpg"]
    with pytest.raises(CatalogError, match="does not exist"):
        read_catalog(f"ram://{tmp_path}/none.csv")


def test_the_address_of_a_local_table_is_its_path(tmp_path):
    write(tmp_path / "c.csv", TABLE)
    catalog = read_catalog(f"file://{tmp_path}/c.csv")
    assert list(catalog.image) == list(read_catalog(tmp_path / "c.csv").image)


SPELLINGS = ["Men shoes", "men\xa0Shoes", "Men  Shoes", "Men Sho\xades"]


@pytest.mark.parametrize("other", SPELLINGS)
def test_blocks_that_are_spelled_in_two_ways_are_told(other, tmp_path, caplog):
    path = tmp_path / "c.csv"
    rows = f"1,a,Men Shoes\n2,b,{other}\n3,c,Bags\n"
    path.write_text(f"product_id,image,category\n{rows}")
    assert len(read_catalog(path).block_names) == 3
    (record,) = caplog.records
    assert repr(other) in record.getMessage()
    assert "'Men Shoes'" in record.getMessage()
    path.write_text("product_id,image,category\n1,a,Shoes\n2,b,Shoe\n3,c,\n")
    read_catalog(path)
    assert len(caplog.records) == 1
