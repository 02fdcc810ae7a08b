"""JSON as tables: an object a line, or a list of objects."""

import gzip
import json
import logging

import pytest

from cv_tf.catalog import CatalogError, read_catalog
from cv_tf.catalog.json_tables import read_json_lines
from cv_tf.errors import UserError


def read(text, source="c.jsonl"):
    content = text if isinstance(text, bytes) else text.encode()
    return read_json_lines(source, content)


def refused(text):
    with pytest.raises(UserError) as error:
        read(text)
    return str(error.value)


class TestCells:
    def test_an_object_a_line(self):
        table = read('{"a": "x", "b": 7}\n{"b": 1.5, "a": null}\n')
        assert table.columns == {"a": ["x", None], "b": [7, 1.5]}
        assert table.lines == [1, 2]
        assert not table.is_marked  # A text that begins with = is one.

    def test_values_may_be_missing_and_come_late(self):
        table = read('{"a": 1}\n{"b": 2}\n{"a": 3, "c": 4}')
        assert table.columns == {"a": [1, "", 3], "b": ["", 2, ""], "c": ["", "", 4]}

    def test_lines_are_those_of_the_file(self):
        assert read('\n{"a": 1}\r\n  \n{"a": 2}\n\n').lines == [2, 4]

    def test_a_list_of_objects_has_their_numbers(self):
        table = read(json.dumps([{"a": 1}, {"a": 2}], indent=2))
        assert table.columns == {"a": [1, 2]}
        assert table.lines == [1, 2]

    @pytest.mark.parametrize("name", ["products", "items", "data"])
    def test_a_list_may_be_within_an_object(self, name):
        text = json.dumps({"count": 2, name: [{"a": 1}, {"a": 2}]}, indent=2)
        assert read(text).columns == {"a": [1, 2]}
        assert read('{"a": 1, "variants": [{"b": 1}]}').columns == {"a": [1]}

    def test_objects_with_an_address_are_addresses(self):
        text = '{"images": [{"src": "https://s/a.jpg", "alt": "A"}, {"src": "b"}]}'
        assert read(text).columns == {"images": ["https://s/a.jpg\nb"]}

    def test_a_list_of_texts_is_a_cell_with_line_breaks(self):
        assert read('{"a": ["x", 7, null, "y"]}').columns == {"a": ["x\n7\n\ny"]}

    def test_nested_columns_are_left_out_and_said(self, caplog):
        with caplog.at_level(logging.WARNING, "absl"):
            table = read('{"a": 1, "b": {"c": 2}, "d": [[1]]}\n{"a": 2, "b": 3}')
        assert table.columns == {"a": [1, 2]}
        expected = "c.jsonl: columns of lists or objects are left out: b, d."
        assert caplog.messages == [expected]

    def test_a_mark_of_the_encoding_and_other_letters(self):
        assert read('\ufeff{"a": "Röcke\\u00e9"}').columns == {"a": ["Röckeé"]}

    def test_line_separators_of_unicode_are_no_line_ends(self):
        assert read('{"a": "x\u2028y"}').columns == {"a": ["x\u2028y"]}


class TestProblems:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ('{"a": 1}\n{"a": 1', "line 2 is no object in JSON"),
            ('{"a": 1}\n[1]', "line 2 is no object in JSON: it holds a list"),
            ('{"a": 1} {"a": 2}', "line 1 is no object in JSON: Extra data"),
            ('{"a": 1, "a": 2}', "it names 'a' twice"),
            ('[{"a": 1}, 7]', "item 2 of the list is 7; expected an object"),
            ('[{"a": 1},', "the text is not JSON"),
            ("[]", "the file is empty"),
            ("", "the file is empty"),
            ("[" * 100_000, "the text is not JSON"),
            ('{"a": ' + "[" * 100_000, "line 1 is no object in JSON"),
            ('{"a": ' + "9" * 10_000 + "}", "line 1 is no object in JSON"),
            ("[" + "9" * 10_000 + "]", "the text is not JSON"),
            (b'{"a": "\xff"}', "the text is not UTF-8"),
            ('{"a": 1, " a": 2}', "the header names 'a' twice"),
        ],
    )
    def test_are_told_with_their_place(self, text, expected):
        assert expected in refused(text)

    def test_so_many_columns_are_no_table(self):
        wide = {f"c{number}": number for number in range(17_000)}
        assert "at most 16,384 are read" in refused(json.dumps(wide))

    def test_as_many_as_a_spreadsheet_has_are_read(self):
        wide = {f"c{number}": number for number in range(16_384)}
        assert len(read(json.dumps(wide)).columns) == 16_384


class TestCatalogs:
    ROWS = (
        {"product_id": "007", "image": "a.jpg", "category": "Röcke"},
        {"product_id": 8, "image": "b.jpg", "category": "Bag", "title": "=1+2"},
    )

    @pytest.mark.parametrize(
        "name", ["c.jsonl", "c.ndjson", "c.json", "c.csv", "c.txt"]
    )
    @pytest.mark.parametrize("as_list", [False, True])
    def test_are_the_same_by_any_name(self, tmp_path, name, as_list):
        lines = [json.dumps(self.ROWS)] if as_list else map(json.dumps, self.ROWS)
        (tmp_path / name).write_text("\n".join(lines), encoding="utf-8")
        catalog = read_catalog(tmp_path / name)
        assert catalog.product_id.tolist() == ["007", "8"]
        assert catalog.block_names == ("Bag", "Röcke")
        assert catalog.image[0] == f"{tmp_path}/a.jpg"
        assert catalog.extras["title"].tolist() == ["", "=1+2"]

    def test_may_be_compressed(self, tmp_path):
        content = "\n".join(map(json.dumps, self.ROWS)).encode()
        (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress(content))
        assert len(read_catalog(tmp_path / "c.jsonl.gz")) == 2

    def test_problems_have_lines_or_rows(self, tmp_path):
        rows = [*self.ROWS, {"image": "c.jpg"}]
        (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
        with pytest.raises(CatalogError, match="line 3: product_id is empty"):
            read_catalog(tmp_path / "c.jsonl")
        (tmp_path / "c.json").write_text(json.dumps(rows), encoding="utf-8")
        with pytest.raises(CatalogError, match="row 3: product_id is empty"):
            read_catalog(tmp_path / "c.json")

    def test_numbers_that_are_no_ids_are_told(self, tmp_path):
        row = {"product_id": 1.5, "image": "a.jpg"}
        (tmp_path / "c.jsonl").write_text(json.dumps(row), encoding="utf-8")
        with pytest.raises(CatalogError, match=r"1\.5 is not a whole number"):
            read_catalog(tmp_path / "c.jsonl")
