"""Tables of answers, as people fill them in."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crafted_xlsx import write_xlsx

from cv_tf.answers import AnswersError, read_said

HEADER = "product_a,product_b,same"


@pytest.fixture
def read(tmp_path):
    """A function from rows, as text, to {two ids: answer}."""

    def read_rows(*rows, header=HEADER):
        path = tmp_path / "answers.csv"
        path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
        return as_dict(read_said(str(path)))

    return read_rows


def as_dict(said):
    found = {(it.first, it.second): it.same for it in said}
    assert len(found) == len(said)
    assert all(first < second for first, second in found)
    return found


class TestWords:
    @pytest.mark.parametrize(
        "word",
        ["yes", "Yes", "YES", "y", "Y", "1", "1.0", "true", "True", "TRUE", " yes "],
    )
    def test_of_yes(self, word, read):
        assert read(f"p0,p1,{word}") == {("p0", "p1"): True}

    @pytest.mark.parametrize(
        "word",
        ["no", "No", "NO", "n", "N", "0", "0.0", "false", "False", "FALSE", "no "],
    )
    def test_of_no(self, word, read):
        assert read(f"p0,p1,{word}") == {("p0", "p1"): False}

    @pytest.mark.parametrize("word", ["", " ", "?", "unsure"])
    def test_that_leave_a_question_open(self, word, read):
        assert read(f"p0,p1,{word}", "p1,p2,yes") == {("p1", "p2"): True}

    @pytest.mark.parametrize("word", ["maybe", "2", "ja", "0.5", "yes no"])
    def test_that_say_neither_name_their_line(self, word, read):
        message = rf"line 3 has same = '{word}'; expected yes or no"
        with pytest.raises(AnswersError, match=message):
            read("p0,p1,yes", f"p1,p2,{word}")

    def test_that_say_neither_are_found_below_empty_lines(self, read):
        with pytest.raises(AnswersError, match="line 5 has same = 'maybe'"):
            read("", "p0,p1,yes", "", "p1,p2,maybe")

    def test_that_say_neither_name_their_row_in_parquet(self, tmp_path):
        path = tmp_path / "answers.parquet"
        columns = {"product_a": ["p0"], "product_b": ["p1"], "same": ["maybe"]}
        pq.write_table(pa.table(columns), path)
        with pytest.raises(AnswersError, match="row 1 has same = 'maybe'"):
            read_said(str(path))


class TestRows:
    def test_are_of_products_in_any_order_and_beside_other_columns(self, read):
        found = read(
            "a.jpg,no,p3,p1,",
            "b.jpg,yes,p0,p2,",
            header="image,same,product_b,product_a,seen",
        )
        assert found == {("p1", "p3"): False, ("p0", "p2"): True}

    @pytest.mark.parametrize("row", ["p1,p1,yes", "p1,,no", ",p1,no"])
    def test_about_fewer_than_two_products_are_named(self, row, read):
        with pytest.raises(
            AnswersError, match=r"line 3 is about .*expected two products"
        ):
            read("p0,p1,yes", row)

    def test_about_one_product_do_no_harm_while_they_are_open(self, read):
        assert read("p0,p1,yes", "p1,p1,", ",,") == {("p0", "p1"): True}

    def test_without_an_answer_there_is_nothing_to_learn(self, read):
        with pytest.raises(AnswersError, match=r"no answers: .* Fill in yes or no"):
            read("p0,p1,", "p1,p2,?")
        with pytest.raises(AnswersError, match="has no"):
            read()


class TestFormats:
    @pytest.mark.parametrize(
        "same",
        [
            pa.array([True, False, None]),
            pa.array([1, 0, None]),
            pa.array([1, 0, None], pa.int8()),
            pa.array([1.0, 0.0, None]),
            pa.array([1.0, 0.0, float("nan")]),
            pa.array(["yes", "no", None]),
            pa.array(["1", "0", ""]),
            pa.array(["Yes", "No", "?"]).dictionary_encode(),
        ],
    )
    def test_parquet(self, same, tmp_path):
        table = pa.table(
            {
                "product_a": ["p0", "p1", "p2"],
                "product_b": ["p2", "p3", "p4"],
                "same": same,
            }
        )
        pq.write_table(table, tmp_path / "answers.parquet")
        found = as_dict(read_said(str(tmp_path / "answers.parquet")))
        assert found == {("p0", "p2"): True, ("p1", "p3"): False}

    def test_numbers_for_ids(self, tmp_path):
        table = {"product_a": [0, 1], "product_b": [1, 2], "same": [True, False]}
        pq.write_table(pa.table(table), tmp_path / "answers.parquet")
        found = as_dict(read_said(str(tmp_path / "answers.parquet")))
        assert found == {("0", "1"): True, ("1", "2"): False}

    def test_semicolons(self, read):
        """As a spreadsheet saves it in half of Europe."""
        found = read("p0;p1;yes", "p1;p2;no", header=HEADER.replace(",", ";"))
        assert found == {("0", "1"): True, ("1", "2"): False}

    @pytest.mark.parametrize("words", [("yes", "no"), (1, 0), (True, False)])
    def test_a_spreadsheet(self, words, tmp_path):
        rows = [["p0", "p1", words[0]], ["p1", "p2", words[1]], ["p2", "p3", None]]
        write_xlsx(tmp_path / "answers.xlsx", [HEADER.split(","), *rows])
        found = as_dict(read_said(str(tmp_path / "answers.xlsx")))
        assert found == {("p0", "p1"): True, ("p1", "p2"): False}

    @pytest.mark.parametrize("missing", HEADER.split(","))
    def test_a_column_that_is_missing(self, missing, read):
        header = HEADER.replace(missing, "other")
        with pytest.raises(AnswersError, match=f"no column '{missing}'"):
            read("p0,p1,yes", header=header)

    def test_no_file(self, tmp_path):
        with pytest.raises(AnswersError, match="does not exist"):
            read_said(str(tmp_path / "nowhere.csv"))
