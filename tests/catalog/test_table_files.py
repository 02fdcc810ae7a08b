"""Files of tables as spreadsheets, databases and scripts leave them."""

import csv
import datetime
import gzip
import logging

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crafted_xlsx import write_xlsx

from cv_tf.catalog import CatalogError, read_catalog, table_files

TABLE = "product_id,image,style_id,category\n007,images/a.jpg,S1,Röcke\n8,b.jpg,,Bag\n"


@pytest.fixture
def read(tmp_path):
    """A function from the bytes of a file, and its name, to the catalogue."""

    def read(content: bytes, name: str = "c.csv", block_columns=("category",)):
        (tmp_path / name).write_bytes(content)
        return read_catalog(tmp_path / name, block_columns)

    return read


@pytest.fixture
def refused(read):
    """A function from the bytes of a file to the message with which it is refused."""

    def refused(*args, **kwargs) -> str:
        with pytest.raises(CatalogError) as error:
            read(*args, **kwargs)
        return str(error.value)

    return refused


@pytest.fixture
def said(caplog):
    """A function that returns what was said since the last call."""

    def said() -> list[str]:
        messages = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return messages

    with caplog.at_level(logging.WARNING, "absl"):
        yield said


def assert_is_table(catalog, block_names=("Bag", "Röcke")):
    assert catalog.product_id.tolist() == ["007", "8"]
    assert catalog.style_id.tolist() == ["S1", ""]
    assert catalog.block_names == block_names
    assert catalog.image[0].endswith("/images/a.jpg")


class TestText:
    @pytest.mark.parametrize(
        ("encoding", "mark", "name"),
        [
            ("utf-8", "", ""),
            ("utf-8-sig", "", ""),
            ("utf-16", "", "UTF-16"),
            ("utf-16-be", "\ufeff", "UTF-16"),
            ("utf-16-le", "", "UTF-16"),
            ("utf-16-be", "", "UTF-16"),
            ("utf-32", "", "UTF-32"),
            ("utf-32-le", "", "UTF-32"),
        ],
    )
    @pytest.mark.parametrize("separator", [",", "\t"])
    def test_encodings(self, encoding, mark, name, separator, read, said):
        text = mark + TABLE.replace(",", separator)
        assert_is_table(read(text.encode(encoding), "c.tsv"))
        (message,) = said() or [""]
        assert name in message

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            ((TABLE + "9,b.jpg,,Bäg\n" * 9).encode() + b"\xff", "not UTF-8"),
            (TABLE.encode("utf-16")[:-1], "not UTF-16"),
            (TABLE.replace("Bag", "B\0g").encode(), "NUL bytes"),
        ],
    )
    def test_what_cannot_be_read(self, content, expected, refused):
        assert expected in refused(content)

    @pytest.mark.parametrize(
        ("separator", "words"), [("\t", "tabs"), (";", "semicolons"), ("|", "bars")]
    )
    @pytest.mark.parametrize("quote", [False, True])
    def test_separators(self, separator, words, quote, read, said):
        text = TABLE.replace(",", separator)
        if quote:
            text = text.replace("style_id", '"style_id"')
        assert_is_table(read(text.encode()))
        assert said() == [f"c.csv: cells are separated by {words}, not commas."]

    def test_commas_in_quotes_do_not_separate(self, read):
        text = 'product_id;image;"size, cm"\n1;a.jpg;"3, 4"\n'
        assert len(read(text.encode(), block_columns=())) == 1

    @pytest.mark.parametrize(
        "language", ["Röcke", "Юбка-ель", "一丁丂", "ĀĒ", "🧥", "कਕ"]
    )
    @pytest.mark.parametrize("name", ["utf-16-le", "utf-16-be", "utf-32-le"])
    def test_no_mark_and_other_letters(self, language, name, read):
        header = TABLE.splitlines()[0]
        rows = "".join(f"{i},{i}.jpg,,{language * 9}\n" for i in range(99))
        catalog = read(f"{header}\n{rows}".encode(name))
        assert catalog.block_names == (language * 9,)

    @pytest.mark.parametrize(
        ("encoding", "names"),
        [
            (
                "cp1252",
                [
                    "Röcke",
                    "Écharpes",
                    "Größe \u2013 weiß",
                    "T-shirts d\u2019été",
                    "Señora",
                ],
            ),
            ("cp1252", ["Blouse 40 €", "Größe", "Hüte", "Müsli"]),
            ("cp1250", ["Spódnice", "Sukienki wąskie", "Płaszcze długie", "Košile"]),
            ("cp1251", ["Юбка красная", "Платье летнее", "Обувь женская"]),
            ("cp1253", ["Φόρεμα", "Παπούτσια γυναικεία", "Τσάντα"]),
            ("shift_jis", ["スカート", "ワンピース青", "靴と鞄"]),
        ],
    )
    def test_other_encodings_are_guessed_and_said(self, encoding, names, read, said):
        rows = [f"{i},{i}.jpg,{names[i % len(names)]}" for i in range(60)]
        text = "\r\n".join(["product_id,image,category", *rows])
        catalog = read(text.encode(encoding))
        assert catalog.block_names == tuple(sorted(names))
        (message,) = said()
        assert message.startswith("c.csv is not UTF-8 but ")

    @pytest.mark.parametrize("place", [0, 2**16, 2**20 + 7])
    def test_one_letter_of_another_encoding_far_down(self, place, read):
        rows = "".join(f"{i},{i:040d}.jpg,Bag\n" for i in range(place // 50))
        text = f"product_id,image,category\n{rows}x,x.jpg,Röcke\n"
        catalog = read(text.encode("cp1252"))
        assert "Röcke" in catalog.block_names
        assert len(catalog) == place // 50 + 1

    @pytest.mark.parametrize("shift", range(4))
    def test_letters_across_pieces_of_a_large_text(self, shift, read, said):
        row = "{:05d},{:06d}.jpg,\U0001f9e5\U0001f9e5é\n"  # 31 bytes.
        rows = "".join(row.format(i, i) for i in range(2**21 // 31 + 1))
        text = f"product_id,image,note{'x' * shift}\n{rows}"
        catalog = read(text.encode(), block_columns=())
        assert len(catalog) == 2**21 // 31 + 1
        assert said() == []

    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            # Commas in numbers, or in names, of a table of semicolons.
            (["product_id;image;price", "1;a.jpg;3,50", "2;b.jpg;4"], "1 2"),
            (["product_id;image;x, y", "1;a.jpg;3,5", "2;b.jpg;4,5"], "1 2"),
            (["product_id,image,sizes", "1,a.jpg,S;M;L", "2,b.jpg,S;M;L"], "1 2"),
            (["product_id|image|tags", "1|a.jpg|x,y,z", "2|b.jpg|x,y,z"], "1 2"),
            (["product_id\timage\ttext", "1\ta.jpg\tx, y", "2\tb.jpg\t;"], "1 2"),
            (['product_id;image;"a;b"', '1;a.jpg;"x;y"', "2;b.jpg;"], "1 2"),
            (["product_id,image", "1,a.jpg"], "1"),
            (["product_id;image", "1;a.jpg"], "1"),
        ],
    )
    def test_what_separates_is_in_all_rows(self, lines, expected, read):
        catalog = read("\n".join(lines).encode(), block_columns=())
        assert " ".join(catalog.product_id) == expected
        assert [path.rpartition("/")[2] for path in catalog.image] == [
            "a.jpg",
            "b.jpg",
        ][: len(catalog)]

    @pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
    def test_every_line_end_after_a_line_that_names_the_separator(self, end, read):
        text = f"sep=;\n{TABLE.replace(',', ';')}".replace("\n", end)
        assert_is_table(read(text.encode()))

    @pytest.mark.parametrize("line", ["sep=;", '"sep=;"', "SEP=;\r", "sep=;;;;"])
    def test_a_line_that_names_the_separator(self, line, read):
        text = f"{line}\n{TABLE.replace(',', ';')}8;c.jpg;;Belt\n"
        with pytest.raises(CatalogError, match="line 5: product_id '8' was already"):
            read(text.encode())
        assert_is_table(read(text.removesuffix("8;c.jpg;;Belt\n").encode()))

    def test_long_cells_leave_the_limit_of_python(self, read):
        before = csv.field_size_limit()
        text = f"product_id,image,html\n1,a.jpg,{'x' * 200_000}\n2,b.jpg,\n"
        assert len(read(text.encode(), block_columns=())) == 2
        assert csv.field_size_limit() == before

    def test_blanks_around_cells_and_quotes(self, read):
        text = TABLE.replace(",", " , ").replace(" , Röcke", ' , "Röcke "')
        assert_is_table(read(text.encode()))

    @pytest.mark.parametrize("before", ["", " ", "\t", "\xa0", "\ufeff", "\u200b"])
    @pytest.mark.parametrize("after", ["", " ", "\t ", "\xa0"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
    def test_blanks_outside_of_quotes(self, before, after, encoding, read):
        rows = [[f'"{cell}"' for cell in row.split(",")] for row in TABLE.splitlines()]
        rows.append(['"9"', '"c.jpg"', '""', '"1"" , ""2"'])
        lines = (f"{after},{before}".join(row) for row in rows)
        text = "".join(f"{before}{line}{after}\r\n" for line in lines)
        catalog = read(text.encode(encoding))
        assert catalog.block_names == ('1" , "2', "Bag", "Röcke")
        assert_is_table(catalog.select(slice(0, 2)), ('1" , "2', "Bag", "Röcke"))

    @pytest.mark.parametrize("cell", ['"A"B', '"A" B', '"A', '"A" "B"'])
    def test_other_text_outside_of_quotes_is_refused(self, cell, refused):
        message = refused(f"{TABLE}9,c.jpg,,{cell}\n8,d.jpg,,\n".encode())
        assert "is not valid CSV" in message
        assert message.endswith("Look for a quote that is not closed, or not doubled.")


class TestLeftovers:
    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text.replace("\n", ",,\n"),
            lambda text: text.replace("\n", ",,\n") + ",,,,,\n ,\u00a0,,,,\n",
            lambda text: text.replace("category\n", "category,,\n"),
            lambda text: text.replace("Bag\n", "Bag,,\n"),
            lambda text: "\n,,,\n\n" + text,
            lambda text: text + "\n\n,,,\n",
            lambda text: "\ufeff\ufeff" + text,
        ],
    )
    def test_empty_cells_do_not_matter(self, change, read):
        assert_is_table(read(change(TABLE).encode()))

    def test_columns_without_a_name_are_said_if_filled(self, read, said):
        rows = zip(["", "0", "1"], TABLE.splitlines(), strict=True)
        assert_is_table(read("\n".join(",".join(row) for row in rows).encode()))
        assert said() == ["c.csv: 1 column without a name is left out, with its cells."]

    def test_lines_are_those_of_the_file(self, refused):
        text = (
            '\n,,\nproduct_id,image,color\n1,a.jpg,"two\r\nlines\nand three"\n,,\n\n'
            "2,b.jpg,Red\n2,c.jpg,Blue\n3,d.jpg\n4,d.jpg,Red,x\n"
        )
        message = refused(text.encode(), block_columns=())
        assert "line 10: product_id '2' was already on line 9" in message
        assert "line 11: 2 cells, but the header has 3 (cells missing)" in message
        assert "line 12: 4 cells, but the header has 3 (a separator" in message

    def test_lines_are_right_in_long_tables(self, refused):
        rows = "".join(f'{i},a.jpg,"a\nb"\n' for i in range(1000))
        message = refused(
            f"product_id,image,color\n{rows}7,a.jpg,c\n".encode(), "c.csv", ()
        )
        assert "line 2002: product_id '7' was already on line 16" in message

    def test_a_comma_in_a_cell_is_no_leftover(self, refused):
        text = "product_id,image,name,color\n1,a.jpg,Shirt,\n2,b.jpg,Bag, small,\n"
        text += "3,b.jpg,Bag, small, blue\n4,b.jpg,Bag,,\n"
        message = refused(text.encode(), block_columns=())
        assert "line 4: 5 cells, but the header has 4" in message
        assert "line 5: 5 cells, but the header has 4" in message


class TestCompressed:
    @pytest.mark.parametrize("name", ["c.csv.gz", "c.tsv.gz", "c.csv", "c.CSV.GZ"])
    def test_is_known_by_its_content(self, name, read):
        text = TABLE.replace(",", "\t") if "tsv" in name else TABLE
        assert_is_table(read(gzip.compress(text.encode()), name))
        members = [gzip.compress(part.encode()) for part in text.splitlines(True)]
        assert_is_table(read(b"".join(members), name))

    @pytest.mark.parametrize("cut", [slice(0, 12), slice(0, -9)])
    def test_that_is_damaged(self, cut, refused):
        message = refused(gzip.compress(TABLE.encode())[cut], "c.csv.gz")
        assert "the compressed file is damaged" in message

    def test_that_would_fill_the_memory(self, refused, monkeypatch):
        monkeypatch.setattr(table_files, "_MAX_BYTES", 1000)
        content = gzip.compress(TABLE.encode() + b"\n" * 1000)
        assert "more than 1,000 bytes, decompressed" in refused(content, "c.csv.gz")

    def test_problems_are_on_lines(self, refused):
        text = "product_id,image,color\n1,a.jpg,a\n1,a.jpg,b\n"
        message = refused(gzip.compress(text.encode()), "c.csv.gz", block_columns=())
        assert "line 3: product_id '1' was already on line 2" in message


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"PK\x03\x04xxx", "c.csv", "a ZIP file, such as a spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "c.csv", "an old spreadsheet"),
        (b"%PDF-1.7\n", "c.csv", "a PDF"),
        (b"\xef\xbb\xbf <html><table>", "c.xls", "a web page"),
        (b"<?xml version='1.0'?>", "c.xls", "a web page or XML"),
        (b"PAR1xxxx", "c.csv", "a Parquet file"),
        (gzip.compress(b"PAR1xxxx", mtime=0), "c.gz", "a Parquet file"),
        (TABLE.encode(), "c.xlsx", "text, not a spreadsheet"),
    ],
)
def test_other_formats_are_named(content, name, expected, refused):
    message = refused(content, name)
    assert f"the file is {expected}" in message
    assert "Tables are read from CSV" in message


class TestParquet:
    @pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.int64()])
    def test_ids_and_labels_that_are_numbers(self, kind, tmp_path):
        table = {
            "product_id": pa.array([70001, 70002, 70003], kind),
            "image ": ["a.jpg", " b.jpg ", None],
            "style_id": pa.array([12, None, 12], kind),
            "category": pa.array([1, None, 2], kind),
        }
        pq.write_table(pa.table(table), tmp_path / "c.parquet")
        catalog = read_catalog(tmp_path / "c.parquet")
        assert catalog.product_id.tolist() == ["70001", "70002", "70003"]
        assert catalog.image.tolist() == [f"{tmp_path}/a.jpg", f"{tmp_path}/b.jpg", ""]
        assert catalog.style.tolist() == [0, -1, 0]
        assert catalog.style_id.tolist() == ["12", "", "12"]
        assert catalog.block_names == ("(none)", "1", "2")

    def test_nan_is_as_good_as_null(self, tmp_path):
        styles = np.array([1, np.nan, np.nan, 1])
        for name, style_id in (
            ("nan", pa.array(styles)),
            ("null", pa.array(styles, from_pandas=True)),
            ("text", pa.array(["1.0", "nan", "nan", "1.0"])),
        ):
            ids = {"product_id": list("abcd"), "image": ["a.jpg"] * 4}
            path = tmp_path / f"{name}.parquet"
            pq.write_table(pa.table({**ids, "style_id": style_id}), path)
            catalog = read_catalog(path, ())
            assert catalog.style.tolist() == [0, -1, -1, 0]
            assert catalog.style_id.tolist() == ["1", "", "", "1"]

    def test_ids_that_lost_digits(self, tmp_path):
        table = {
            "product_id": [2.0**53, 5, 5],
            "image": ["a.jpg"] * 3,
            "style_id": [1, 0.5, 2],
        }
        pq.write_table(pa.table(table), tmp_path / "c.parquet")
        with pytest.raises(CatalogError) as error:
            read_catalog(tmp_path / "c.parquet", ())
        message = str(error.value)
        assert "row 1: product_id 9007199254740992 is a floating-point" in message
        assert (
            "row 2: style_id 0.5 is not a whole number. Write ids as text." in message
        )


def test_a_column_that_holds_no_text_is_named(tmp_path):
    photo = [{"bytes": b"x", "path": "a.jpg"}]
    pq.write_table(pa.table({"product_id": ["a"], "image": photo}), tmp_path / "c.pq")
    with pytest.raises(
        CatalogError, match=r"no column 'image' of text \(it holds struct"
    ):
        read_catalog(tmp_path / "c.pq", ())


@pytest.mark.parametrize("column", ["style_id", "color", "split", "x"])
def test_an_optional_column_that_holds_no_text_is_said(column, tmp_path, said):
    table = {"product_id": ["a"], "image": ["a.jpg"], column: [["S"]]}
    pq.write_table(pa.table(table), tmp_path / "c.parquet")
    assert getattr(read_catalog(tmp_path / "c.parquet", ()), column, None) is None
    (message,) = said()
    assert message.startswith(f"c.parquet: the column '{column}' is left out, as it ")


def test_boxes_may_be_missing_in_any_way(read):
    text = "product_id,image,x,y,width,height\n1,a,1,2,3,4\n2,b,nan,NaN,N/A,\n"
    catalog = read(text.encode(), block_columns=())
    np.testing.assert_array_equal(catalog.box, [[1, 2, 3, 4], [np.nan] * 4])


def test_shortened_ids_are_not_called_repeated(refused):
    text = "product_id,image\n4.00638E+12,a.jpg\n4.00638E+12,b.jpg\n5,c.jpg\n"
    message = refused(text.encode(), block_columns=())
    assert "2 problems" in message
    assert "line 3: product_id '4.00638E+12' was shortened by a spread" in message
    assert "already" not in message


def test_names_of_columns_have_one_form(read):
    text = "product_id, image ,Gro\u0308\u00dfe\u00a0\n1,a.jpg,M\n"
    assert read(text.encode(), block_columns=("Gr\u00f6\u00dfe",)).block_names == ("M",)
    assert read(text.encode(), block_columns=("Gro\u0308\u00dfe",)).block_names == (
        "M",
    )


@pytest.mark.integration  # A process reads each of them.
class TestSpreadsheets:
    ROWS = (
        (None, None, None),
        ("product_id", "image", "style_id", "sold", None),
        (4006381333931, "a.jpg", 7, datetime.date(2024, 3, 1), None),
        (None, None, None, None, None),
        ("0108", " b.jpg", None, datetime.date(2024, 3, 2), None),
    )

    def test_numbers_dates_and_empty_rows(self, tmp_path, said):
        write_xlsx(tmp_path / "c.xlsx", self.ROWS)
        catalog = read_catalog(tmp_path / "c.xlsx", ("sold",))
        assert catalog.product_id.tolist() == ["4006381333931", "0108"]
        assert catalog.image.tolist() == [f"{tmp_path}/a.jpg", f"{tmp_path}/b.jpg"]
        assert catalog.style_id.tolist() == ["7", ""]
        assert catalog.block_names == ("2024-03-01", "2024-03-02")
        assert catalog.line.tolist() == [3, 5]
        assert said() == []

    def test_merged_cells_have_one_value(self, tmp_path, said):
        rows = (
            ("product_id", "image", "style_id", "category"),
            ("1", "a.jpg", "S", "Skirts"),
            ("2", "b.jpg", None, None),
            ("3", "c.jpg", "T", None),
        )
        path = tmp_path / "c.xlsx"
        write_xlsx(path, rows, merged=("A1:A1", "C2:C3", "D2:D4"))
        catalog = read_catalog(path)
        assert catalog.style_id.tolist() == ["S", "S", "T"]
        assert catalog.block_names == ("Skirts",)
        assert said() == [
            "c.xlsx: 3 cells that are merged with others have their value."
        ]
        write_xlsx(path, rows, merged=("D1:D3",))  # That of a header is no value.
        assert read_catalog(path).block_names == ("(none)", "Skirts")

    def test_several_sheets(self, tmp_path, said):
        write_xlsx(tmp_path / "c.xlsx", (), self.ROWS, (("notes",),))
        assert len(read_catalog(tmp_path / "c.xlsx", ())) == 2
        assert said() == ["c.xlsx has 2 sheets; the first one, 'Sheet2', is read."]

    def test_problems_are_in_rows(self, tmp_path):
        rows = (*self.ROWS, ("", "c.jpg"), (1.5, "d.jpg"), (2.0**53, "e.jpg"))
        rows = (*rows, (datetime.date(2024, 3, 1), "f.jpg"))
        write_xlsx(tmp_path / "c.xlsx", rows)
        with pytest.raises(CatalogError) as error:
            read_catalog(tmp_path / "c.xlsx", ())
        message = str(error.value)
        assert "row 6: product_id is empty" in message
        assert "row 7: product_id 1.5 is not a whole number" in message
        assert "row 8: product_id 9007199254740992 is a floating" in message
        assert "row 9: product_id is the date 2024-03-01" in message

    def test_that_are_damaged_or_too_large(self, tmp_path, monkeypatch):
        path = tmp_path / "c.xlsx"
        write_xlsx(path, self.ROWS)
        content = path.read_bytes()
        for damaged in (content[:-30], content[:200]):
            path.write_bytes(damaged)
            with pytest.raises(CatalogError, match="spreadsheet cannot be read"):
                read_catalog(path, ())
        path.write_bytes(content)
        monkeypatch.setattr(table_files, "_MAX_BYTES", 100)
        with pytest.raises(CatalogError, match="bytes; at most 100 are read"):
            read_catalog(path, ())

    def test_that_are_empty(self, tmp_path):
        write_xlsx(tmp_path / "c.xlsx", ())
        with pytest.raises(CatalogError, match="the file is empty"):
            read_catalog(tmp_path / "c.xlsx", ())
