"""Groups and labels as files: what other tools read, and what they hand in."""

import csv
import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from cv_tf.embeddings import Copies, Embeddings
from cv_tf.grouping import (
    Confidence,
    Grouped,
    GroupsError,
    Linked,
    Named,
    read_earlier,
    read_groups,
    read_labels,
    write_groups,
)
from cv_tf.grouping.group_files import to_table


def _objects(*names):
    array = np.empty(len(names), object)
    array[:] = names
    return array


@pytest.fixture
def grouped() -> Grouped:
    """Three products, of which the first two are a group; nothing is near the last."""
    distinct = Embeddings.of_arrays(np.eye(2, dtype=np.float32))
    return Grouped(
        product_id=_objects("007", "b, the second", "ü"),
        named=Named(_objects("007", "007", "ü")),
        size=np.array([2, 2, 1]),
        confidence=Confidence(
            probability=np.array([0.98765432, 0.5, 1.0]),
            nearest_other=np.array([2, 0, -1], np.int32),
            similarity=np.array([0.123456, -0.25, -np.inf], np.float32),
        ),
        linked=Linked(distinct, None, None, None, None),
        threshold=0.5,
        same_color=(),
        copies=Copies(np.array([0, 0, 2])),
        copies_across_blocks=Copies(np.array([0, 0, 2])),
    )


ROWS = [
    ["007", "007", 2, 0.9877, 0.7438, "ü", 0.1235, None, "007", "new", None, None],
    [
        *("b, the second", "007", 2, 0.5, 0.7438, "007", -0.25, "007", "007", "new"),
        *(None, None),
    ],
    ["ü", "ü", 1, 1.0, 1.0, None, None, None, "ü", "new", None, None],
]
COLUMNS = [
    *("product_id", "group_id", "group_size"),
    *("confidence", "group_confidence", "nearest_other", "similarity", "copy_of"),
    *("representative", "state", "color", "color_source"),
]


class TestWrite:
    def test_a_row_says_all_of_a_product(self, grouped):
        table = to_table(grouped)
        assert table.column_names == COLUMNS
        assert [list(row.values()) for row in table.to_pylist()] == ROWS

    @pytest.mark.parametrize("name", ["groups.parquet", "groups.pq", "groups.PARQUET"])
    def test_parquet_keeps_types(self, name, grouped, tmp_path):
        write_groups(tmp_path / name, grouped)
        table = pq.read_table(tmp_path / name)
        assert [list(row.values()) for row in table.to_pylist()] == ROWS
        types = [str(kind) for kind in table.schema.types]
        assert types == [
            "string",
            "string",
            "int32",
            "double",
            "double",
            "string",
            "double",
            *["string"] * 5,
        ]

    @pytest.mark.parametrize("name", ["groups.csv", "groups.CSV"])
    def test_csv_has_empty_cells_where_there_is_nothing(self, name, grouped, tmp_path):
        write_groups(tmp_path / name, grouped)
        with (tmp_path / name).open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        assert header == COLUMNS
        cells = [["" if cell is None else cell for cell in row] for row in ROWS]
        numbers = {2: int, 3: float, 4: float, 6: float}
        for row, expected in zip(rows, cells, strict=True):
            for place, kind in numbers.items():
                row[place] = kind(row[place]) if row[place] else ""
            assert row == expected

    def test_takes_the_place_of_the_file_that_was_there(self, grouped, tmp_path):
        (tmp_path / "groups.csv").write_text("old")
        write_groups(tmp_path / "groups.csv", grouped)
        assert [path.name for path in tmp_path.iterdir()] == ["groups.csv"]
        assert read_groups(str(tmp_path / "groups.csv"))["ü"] == "ü"


class TestGroups:
    @pytest.mark.parametrize("suffix", [".csv", ".parquet"])
    def test_are_read_as_they_were_written(self, suffix, grouped, tmp_path):
        path = tmp_path / f"groups{suffix}"
        write_groups(path, grouped)
        expected = {"007": "007", "b, the second": "007", "ü": "ü"}
        assert read_groups(str(path)) == expected

    def test_other_columns_do_not_matter(self, tmp_path):
        path = tmp_path / "groups.csv"
        path.write_text("note,group_id,product_id\nbest,g,a\n,g,b\n")
        assert read_groups(str(path)) == {"a": "g", "b": "g"}

    def test_a_product_without_a_group(self, tmp_path):
        """Else all such products would be one group."""
        path = tmp_path / "groups.csv"
        path.write_text("product_id,group_id\na,g\nb,\nc,\n")
        with pytest.raises(GroupsError) as error:
            read_groups(str(path))
        assert str(error.value) == (
            f"{path}: product 'b' has no group_id. Give it one of its own, or leave "
            "its row out."
        )


class TestConfirmedGroups:
    @pytest.fixture
    def read(self, tmp_path):
        """A function from the rows of a table to what is read of it."""

        def read(text):
            path = tmp_path / "groups.csv"
            path.write_text(text)
            return read_earlier(str(path))

        return read

    def test_are_those_of_that_state(self, read):
        rows = "a,g,confirmed\nb,g,confirmed\nc,h,new\nd,i,Confirmed\ne,j,\n"
        earlier = read(f"product_id,group_id,state\n{rows}")
        assert earlier.group_of == {"a": "g", "b": "g", "c": "h", "d": "i", "e": "j"}
        assert earlier.confirmed == {"g", "i"}

    def test_none_is_where_no_state_is_told(self, read):
        assert read("product_id,group_id\na,g\n").confirmed == frozenset()
        # Of a shop, not of a group.
        assert not read("product_id,group_id,state\na,g,Ohio\n").confirmed

    @pytest.mark.parametrize(("state", "is_near"), [("Confirmd", True), ("new", False)])
    def test_a_state_that_is_spelled_wrong_is_told(self, read, caplog, state, is_near):
        assert not read(f"product_id,group_id,state\na,g,{state}\n").confirmed
        assert ("Did you mean 'confirmed'?" in caplog.text) == is_near

    def test_a_group_is_confirmed_or_not(self, read, tmp_path):
        with pytest.raises(GroupsError) as error:
            read("product_id,group_id,state\na,g,confirmed\nb,g,new\nc,h,new\n")
        assert str(error.value) == (
            f"{tmp_path / 'groups.csv'}: some rows of the group 'g' have the state "
            "'confirmed', and others have not. Write it in all of them, or in none."
        )
        # For figures of groups, states do not matter.
        assert len(read_groups(str(tmp_path / "groups.csv"))) == 3

    def test_as_they_were_written(self, grouped, tmp_path):
        confirmed = dataclasses.replace(
            grouped, is_confirmed=np.array([True, True, False])
        )
        for name in ("groups.csv", "groups.parquet"):
            write_groups(tmp_path / name, confirmed)
            assert read_earlier(str(tmp_path / name)).confirmed == {"007"}


class TestLabels:
    TABLE = "product_id,style_id,split\na,s1,train\nb,,train\nc,s1,test\nd,s2,\n"

    @pytest.fixture
    def path(self, tmp_path):
        (tmp_path / "labels.csv").write_text(self.TABLE)
        return str(tmp_path / "labels.csv")

    def test_styles_that_are_not_known_are_empty(self, path):
        assert read_labels(path) == {"a": "s1", "b": "", "c": "s1", "d": "s2"}

    def test_of_one_split(self, path):
        assert read_labels(path, "train") == {"a": "s1", "b": ""}
        assert read_labels(path, "test") == {"c": "s1"}
        assert read_labels(path, " test\xa0") == {"c": "s1"}

    def test_of_a_split_that_is_not_there(self, path):
        with pytest.raises(GroupsError) as error:
            read_labels(path, "Test")
        there = "the table has ['test', 'train']"
        assert str(error.value) == f"{path} has no products of 'Test'; {there}."

    def test_a_product_may_be_twice_if_another_split_is_asked_for(self, tmp_path):
        path = tmp_path / "labels.csv"
        path.write_text("product_id,style_id,split\na,s,train\nb,t,test\nb,u,test\n")
        assert read_labels(str(path), "train") == {"a": "s"}
        with pytest.raises(GroupsError, match="product 'b' is there twice"):
            read_labels(str(path), "test")

    def test_numbers_and_nulls_of_parquet(self, tmp_path):
        path = tmp_path / "labels.parquet"
        columns = {"product_id": [7, 8], "style_id": pa.array([None, 108], pa.int64())}
        pq.write_table(pa.table(columns), path)
        assert read_labels(str(path)) == {"7": "", "8": "108"}


@pytest.mark.parametrize("name", ["nan", "N/A", "#REF!", "\\N", "-1", "-1.0", ""])
def test_a_name_of_a_group_that_stands_for_none(name, tmp_path):
    path = tmp_path / "groups.csv"
    path.write_text(f"product_id,group_id\na,1\nb,{name}\nc,{name}\n")
    with pytest.raises(GroupsError, match=r"product 'b' has .*Give it one of its own"):
        read_groups(str(path))
    if name and name != "-1.0":
        path.write_text(f"product_id,group_id\na,{name}\n{name},{name}\n")
        assert read_groups(str(path)) == {"a": name, name: name}


@pytest.mark.parametrize("read", [read_groups, read_labels])
class TestWhatCannotBeUsed:
    @pytest.fixture
    def refused(self, read, tmp_path):
        """A function from a table's text to the message with which it is refused."""

        def refused(text: str, name: str = "table.csv") -> str:
            column = "group_id" if read is read_groups else "style_id"
            (tmp_path / name).write_bytes(text.replace("VALUE", column).encode())
            with pytest.raises(GroupsError) as error:
                read(str(tmp_path / name))
            message = str(error.value)
            message = message.removeprefix("'")
            assert message.startswith(f"{tmp_path / name}")
            return message.removeprefix(f"{tmp_path / name}").replace(column, "VALUE")

        return refused

    def test_a_file_that_is_not_there(self, read, tmp_path):
        with pytest.raises(GroupsError, match=r"nowhere\.csv does not exist\."):
            read(str(tmp_path / "nowhere.csv"))

    def test_a_folder(self, read, tmp_path):
        (tmp_path / "folder.csv").mkdir()
        with pytest.raises(GroupsError, match=r"folder\.csv' is a folder, not a file"):
            read(str(tmp_path / "folder.csv"))

    @pytest.mark.parametrize("name", ["table.parquet", "table.pq"])
    def test_a_file_that_is_no_parquet(self, name, refused):
        message = refused("product_id,VALUE\na,b\n", name)
        assert "cannot be read as Parquet: it is no Parquet file" in message

    def test_a_file_that_is_no_table(self, refused):
        assert refused("") == ": the file is empty"
        assert refused('"product_id;VALUE"\n').startswith(": the header is one single")

    def test_missing_columns(self, refused):
        message = refused("product_id,group\na,g\n")
        assert " has no column 'VALUE'; it has product_id, group. Add it: " in message
        message = refused("name,VALUE\na,g\n")
        assert message == (
            " has no column 'product_id'; it has name, VALUE. Add it: every product "
            "needs one."
        )

    def test_columns_that_hold_no_text(self, read, tmp_path):
        column = "group_id" if read is read_groups else "style_id"
        pq.write_table(
            pa.table({"product_id": ["a"], column: [["g"]]}), tmp_path / "t.parquet"
        )
        with pytest.raises(GroupsError, match=f"'{column}' of text"):
            read(str(tmp_path / "t.parquet"))

    def test_rows_of_another_width(self, refused):
        message = refused("product_id,VALUE\na,g\nb\nc,g,h\n")
        assert message.startswith(": 2 problems.\n  line 3: 1 cells, but the header")
        assert "\n  line 4: 3 cells, but the header has 2" in message

    def test_no_products(self, refused):
        assert refused("product_id,VALUE\n") == " has no products."

    def test_a_product_that_is_there_twice(self, refused):
        text = "product_id,VALUE\na,g\nb,g\nc,h\nb,h\na,g\n"
        assert refused(text) == ": product 'b' is there twice."

    def test_a_row_without_a_product(self, refused):
        text = "product_id,VALUE\na,g\n,g\n"
        assert refused(text) == " has a row without a product_id. Remove it."


def test_labels_need_their_split_column(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("product_id,style_id\na,s\n")
    with pytest.raises(GroupsError, match="has no column 'split'; it has product_id"):
        read_labels(str(path), "train")


@pytest.mark.parametrize("read", [read_groups, read_labels])
class TestValues:
    """Ids and labels are as the catalogue and the file of embeddings have them."""

    @pytest.fixture
    def pairs(self, read, tmp_path):
        """A function from the two columns to what is read, as Parquet and as CSV."""
        value = "group_id" if read is read_groups else "style_id"

        def pairs(ids, values):
            table = pa.table({"product_id": ids, value: values})
            pq.write_table(table, tmp_path / "t.parquet")
            pa.csv.write_csv(table, tmp_path / "t.csv")
            found = read(str(tmp_path / "t.parquet"))
            assert read(str(tmp_path / "t.csv")) == found
            return found

        return pairs

    @pytest.mark.parametrize("kind", [pa.float64(), pa.float32(), pa.int64()])
    def test_numbers_are_digits(self, kind, pairs):
        ids, values = pa.array([70001, 70002], kind), pa.array([7, 8], kind)
        assert pairs(ids, values) == {"70001": "7", "70002": "8"}

    def test_text_is_stripped_and_of_one_form(self, pairs):
        found = pairs([" a", "o\u0308\u00a0"], ["g ", "\ufeffo\u0308"])
        assert found == {"a": "g", "\u00f6": "\u00f6"}

    @pytest.mark.parametrize("values", [[0.5, 1], [2.0**53, 1]])
    def test_numbers_without_all_digits_are_refused(self, values, read, tmp_path):
        value = "group_id" if read is read_groups else "style_id"
        path = tmp_path / "t.parquet"
        pq.write_table(pa.table({"product_id": ["a", "b"], value: values}), path)
        with pytest.raises(GroupsError, match=f"row 1: {value} .* Write ids as text"):
            read(str(path))


@pytest.mark.parametrize("missing", [float("nan"), None, "nan", "N/A", "<NA>"])
def test_labels_that_say_nothing(missing, tmp_path):
    style = "7" if isinstance(missing, str) else 7.0
    table = {"product_id": ["a", "b", "c"], "style_id": [style, missing, missing]}
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    expected = {"a": "7", "b": "", "c": ""}
    assert read_labels(str(tmp_path / "t.parquet")) == expected


def test_groups_may_have_such_names(tmp_path):
    """The name of a group is the id of a product, which may be any word."""
    (tmp_path / "groups.csv").write_text("product_id,group_id\nNA,NA\nnull,NA\n")
    assert read_groups(str(tmp_path / "groups.csv")) == {"NA": "NA", "null": "NA"}
