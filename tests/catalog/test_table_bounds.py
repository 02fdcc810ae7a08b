"""Tables that ask for more than there is: told by name, in little time and memory."""

import gzip
import time
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cv_tf.catalog import (
    CatalogError,
    csv_text,
    opened_parquet,
    parquet_files,
    parquet_pages,
    raw_table,
    read_batches,
    read_catalog,
    write_parquet,
)
from cv_tf.embeddings import EmbeddingsError, read_embeddings
from cv_tf.spelling import clean

HEAD = b"product_id,image\n"


@pytest.fixture
def refused(tmp_path):
    """A function from the bytes of a file, and its name, to the message."""

    def refused(content: bytes, name: str = "c.csv") -> str:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CatalogError) as error:
            read_catalog(tmp_path / name, ())
        message = str(error.value)
        assert name in message
        assert len(message) < 10_000
        return message

    return refused


class TestText:
    def test_too_many_columns(self, refused):
        names = ",".join(map(str, range(20_000))).encode()
        message = refused(b"product_id,image," + names + b"\na,b\n")
        assert "has 20,002 columns; at most 16,384 are read" in message

    def test_many_columns_take_no_more_than_their_share(self, tmp_path):
        names = ",".join(f"column {number}" for number in range(10_000))
        row = "," * 10_000
        text = f"product_id,image,{names}\n" + f"a,b{row}\nc,d{row}\n"
        (tmp_path / "c.csv").write_text(text)
        start = time.process_time()
        assert len(read_catalog(tmp_path / "c.csv", ())) == 2
        assert time.process_time() - start < 5

    def test_a_line_without_an_end(self, refused, monkeypatch):
        monkeypatch.setattr(csv_text, "_MAX_CELL", 1_000)
        for text in (b"x" * 2_000, b",x" * 1_000, b"a,b\r" + b"x" * 1_001):
            assert "a line has more than 1,000 bytes" in refused(HEAD + text)

    def test_a_row_of_many_lines(self, refused, monkeypatch):
        monkeypatch.setattr(csv_text, "_MOST_CELLS", 1_000)
        monkeypatch.setattr(csv_text, "_FEW_CELLS", 1_000)
        text = b'"\n",,,,\n' * 999
        assert refused(HEAD + text.replace(b",\n", b',"\n",'))
        assert "more than 1,000 cells" in refused(HEAD + b'"\n",,' * 600)

    def test_too_many_rows(self, refused, monkeypatch):
        monkeypatch.setattr(raw_table, "_MOST_ROWS", 1_000)
        assert "more than 1,0" in refused(HEAD + b"\n" * 2_000)

    def test_what_would_fill_the_memory(self, refused, monkeypatch):
        monkeypatch.setattr(raw_table, "_MOST_MEMORY", 100_000)
        rows = b"".join(b"%d,a.jpg\n" % number for number in range(2_000))
        assert "the table is too large" in refused(HEAD + rows)
        assert "the table is too large" in refused(gzip.compress(HEAD + rows), "c.gz")

    def test_compressed_in_very_many_parts(self, refused):
        content = gzip.compress(HEAD) + gzip.compress(b"a,b\n") * 70_000
        assert "more than 65,536 compressed parts" in refused(content, "c.csv.gz")

    def test_compressed_twice(self, refused):
        content = gzip.compress(gzip.compress(HEAD))
        assert "compressed with gzip twice" in refused(content, "c.csv.gz")

    def test_zeros_at_the_end_of_a_compressed_file(self, tmp_path):
        content = gzip.compress(HEAD + b"a,b.jpg\n") + bytes(10_000)
        (tmp_path / "c.csv.gz").write_bytes(content)
        assert len(read_catalog(tmp_path / "c.csv.gz", ())) == 1

    @pytest.mark.parametrize("odd", [b'\t"x', b',"""x', b',""x', b'"\t,'])
    def test_quotes_that_are_not_closed_take_no_more_time(self, odd, tmp_path):
        (tmp_path / "c.csv").write_bytes(HEAD + b'a,\t"b\n' + odd * 200_000)
        start = time.process_time()
        with pytest.raises(CatalogError, match=r"c\.csv"):
            read_catalog(tmp_path / "c.csv", ())
        assert time.process_time() - start < 5

    def test_very_many_accents_of_one_letter_take_no_more_time(self):
        start = time.process_time()
        name = "a" + "\u0301\u0323" * 50_000
        assert clean(name) == name
        assert time.process_time() - start < 1

    def test_messages_are_short(self, refused):
        long = b"x" * 100_000
        assert refused(b"product_id," + long + b"\na,b\n")
        assert refused(long + b"," + long + b"\na,b\n")
        rows = b"".join(b"a" + long + b",b," + color + b"\n" for color in (b"c", b"d"))
        assert refused(HEAD.rstrip() + b",color\n" + rows)


def _write(path, columns, **options):
    pq.write_table(pa.table(columns), path, **options)


class TestParquet:
    IDS = tuple(map(str, range(6_000)))

    def often(self, text: str) -> pa.Array:
        places = pa.array(np.zeros(len(self.IDS), np.int32))
        return pa.DictionaryArray.from_arrays(places, [text])

    def test_a_text_that_is_there_often(self, tmp_path):
        columns = {"product_id": self.IDS, "image": self.often("x" * 2**20)}
        _write(tmp_path / "c.parquet", columns)
        with pytest.raises(CatalogError, match=r"c\.parquet: the table is too large"):
            read_catalog(tmp_path / "c.parquet", ())

    def test_a_text_that_is_there_often_is_in_memory_once(self, tmp_path):
        columns = {"product_id": self.IDS, "image": self.often("x" * 1_000)}
        _write(tmp_path / "c.parquet", columns)
        with opened_parquet(str(tmp_path / "c.parquet"), "") as table:
            for batch in read_batches(table, ["image"], 1_000):
                assert len(batch["image"].dictionary) == 1

    @pytest.mark.parametrize("options", [{}, {"column_encoding": "DELTA_BYTE_ARRAY"}])
    def test_texts_that_compress_well(self, options, tmp_path, monkeypatch):
        monkeypatch.setattr(parquet_files, "_MOST_BYTES", 2**22)
        text = pa.array(["x" * 2_000 + str(number) for number in range(6_000)])
        options = {"compression": "zstd", "use_dictionary": False} | options
        path = tmp_path / "c.parquet"
        _write(path, {"product_id": self.IDS, "image": text}, **options)
        with pytest.raises(CatalogError, match=r"c\.parquet.*fill the memory"):
            read_catalog(path, ())

    def test_encodings_of_text_are_read(self, tmp_path):
        path = tmp_path / "c.parquet"
        for encoding in ("PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"):
            encodings = {"column_encoding": encoding, "use_dictionary": False}
            _write(path, {"product_id": self.IDS, "image": self.IDS}, **encodings)
            assert read_catalog(path, ()).product_id.tolist() == list(self.IDS)

    def test_lists_that_expand(self, tmp_path, monkeypatch):
        monkeypatch.setattr(parquet_files, "_MOST_BYTES", 2**22)
        ends = pa.array(np.arange(0, 2_000_001, 1_000, dtype=np.int32))
        zeros = pa.array(np.zeros(2_000_000, np.float32))
        vectors = pa.ListArray.from_arrays(ends, zeros)
        columns = {"product_id": self.IDS[:2_000], "embedding": vectors}
        _write(tmp_path / "e.parquet", columns)
        with pytest.raises(EmbeddingsError, match=r"e\.parquet.*fill the memory"):
            read_embeddings(tmp_path / "e.parquet")

    def test_rows_that_take_no_place(self, tmp_path, monkeypatch):
        monkeypatch.setattr(parquet_files, "_MOST_ROWS", 1_000)
        ids = pa.array(np.zeros(10**6, np.int8))
        _write(tmp_path / "c.parquet", {"product_id": ids, "image": ids})
        with pytest.raises(CatalogError, match="more than it can have"):
            read_catalog(tmp_path / "c.parquet", ())

    def test_too_many_columns_or_pages(self, tmp_path, monkeypatch):
        path = tmp_path / "c.parquet"
        columns = {"product_id": self.IDS, "image": self.IDS}
        monkeypatch.setattr(parquet_pages, "_MOST_PAGES", 3)
        _write(path, columns, data_page_size=1_000, use_dictionary=False)
        with pytest.raises(CatalogError, match="more than 3 pages"):
            read_catalog(path, ())
        monkeypatch.setattr(parquet_files, "MOST_COLUMNS", 1)
        with pytest.raises(CatalogError, match="2 columns; expected 1 at most"):
            read_catalog(path, ())

    def test_other_files(self, refused):
        for content in (b"", b"PAR1", b"PAR1" * 3, b"\xff" * 100 + b"PAR1"):
            assert "no Parquet file, or its end" in refused(content, "c.parquet")
        assert "is encrypted" in refused(b"PAR1" + bytes(99) + b"PARE", "c.parquet")

    def test_two_columns_of_one_name(self, tmp_path):
        table = pa.table(
            [["a"], ["b"], [[1.0]]], names=["product_id"] * 2 + ["embedding"]
        )
        pq.write_table(table, tmp_path / "e.parquet")
        with pytest.raises(EmbeddingsError, match="two columns 'product_id'"):
            read_embeddings(tmp_path / "e.parquet")

    @pytest.mark.parametrize(
        "header",
        [b"", b"{", b"[]", b"\xff", b'{"model": 1}', b'{"notes": null}', b"[" * 10**5]
        + [b'{"model": "\\ud800"}', b'{"model": "a", "model": "b"}'],
    )
    def test_what_is_told_with_embeddings(self, header, tmp_path):
        table = pa.table({"product_id": ["a"], "embedding": [[1.0]]})
        path = tmp_path / "e.parquet"
        write_parquet(path, table.replace_schema_metadata({b"cv_tf": header}))
        with pytest.raises(EmbeddingsError, match=r"e\.parquet.*Copy it again"):
            read_embeddings(path)

    @pytest.mark.parametrize(
        ("vectors", "what"),
        [
            (pa.array([[1e300, 0.0]]), "NaN or infinity"),
            (pa.array([[3e38, 3e38]], pa.list_(pa.float32())), "NaN or infinity"),
            (pa.array([[1e-45, 0.0]], pa.list_(pa.float32())), "not of length 1"),
            (pa.array([[2**60, 0]]), "cannot be read"),
            (pa.array([[True]]), "expected lists of numbers"),
            (pa.array([[None]], pa.list_(pa.null())), "expected lists of numbers"),
            (pa.array([[1]], pa.list_(pa.timestamp("s"))), "expected lists of numbers"),
            (pa.array([[1]], pa.list_(pa.decimal128(3))), "expected lists of numbers"),
        ],
    )
    def test_vectors_of_odd_numbers(self, vectors, what, tmp_path):
        _write(tmp_path / "e.parquet", {"product_id": ["a"], "embedding": vectors})
        with pytest.raises(EmbeddingsError, match=what):
            read_embeddings(tmp_path / "e.parquet")

    @pytest.mark.parametrize(
        "ids",
        [
            pa.array(["a", "b"], pa.large_string()),
            pa.array(["a", "b"], pa.string_view()),
            pa.array([b"a", b"b"]),
            pa.array([b"a", b"b"], pa.binary(1)),
            pa.array(["a", "b"]).dictionary_encode(),
        ],
    )
    def test_texts_of_odd_types(self, ids, tmp_path):
        path = tmp_path / "e.parquet"
        _write(path, {"product_id": ids, "embedding": [[1.0], [-1.0]]})
        assert read_embeddings(path).product_id.tolist() == ["a", "b"]

    def test_names_with_dots_are_columns_of_their_own(self, tmp_path):
        columns = {"product_id": ["a"], "image": ["a.jpg"], "image.large": ["b.jpg"]}
        _write(tmp_path / "c.parquet", columns)
        (image,) = read_catalog(tmp_path / "c.parquet", ()).image
        assert image == f"{tmp_path}/a.jpg"


ROW = '<row r="{0}"><c r="A{0}" t="s"><v>0</v></c><c r="B{0}" t="s"><v>0</v></c></row>'
FAR = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def _spreadsheet(path, rows: str, shared: str = "x", head: str = "") -> None:
    """A spreadsheet with one text, in two columns of as many rows as there are."""
    package = "http://schemas.openxmlformats.org/package/2006"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    related = f'<Relationships xmlns="{package}/relationships">{{}}</Relationships>'
    one = f'<Relationship Id="rId{{}}" Type="{office}/{{}}" Target="{{}}"/>'
    inside = one.format(1, "worksheet", "worksheets/sheet1.xml")
    inside += one.format(2, "sharedStrings", "sharedStrings.xml")
    members = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>',
        "_rels/.rels": related.format(
            one.format(1, "officeDocument", "xl/workbook.xml")
        ),
        "xl/_rels/workbook.xml.rels": related.format(inside),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{office}"><sheets>'
        '<sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/sharedStrings.xml": f'{head}<sst xmlns="{MAIN}"><si><t>{shared}</t></si>'
        "</sst>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{MAIN}"><sheetData>{rows}'
        "</sheetData></worksheet>",
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)


@pytest.mark.integration  # A process reads each of them.
class TestSpreadsheets:
    @pytest.mark.parametrize(
        ("rows", "options", "what"),
        [
            (ROW.format(1) + FAR, {}, "too much memory or time"),
            (
                "".join(map(ROW.format, range(1, 100))),
                {"shared": "x" * 2**24},
                "too much memory or time",
            ),
            (
                ROW.format(1),
                {
                    "shared": "&a;",
                    "head": '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
                },
                "cannot be read",
            ),
        ],
        ids=["far", "one text in all cells", "entity"],
    )
    def test_that_are_made_to_fill_the_memory(self, rows, options, what, tmp_path):
        _spreadsheet(tmp_path / "c.xlsx", rows, **options)
        with pytest.raises(CatalogError, match=rf"c\.xlsx.*{what}"):
            read_catalog(tmp_path / "c.xlsx", ())

    def test_old_ones_that_are_none(self, refused):
        content = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 99
        assert "the spreadsheet cannot be read" in refused(content, "c.xls")
