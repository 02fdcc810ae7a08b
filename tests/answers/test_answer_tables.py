"""Tables of answers, as people fill them in."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from crafted_xlsx import write_xlsx

from cv_tf.answers import (
    Answer,
    AnswersError,
    AnswerStore,
    Said,
    holds_answers,
    read_said,
    said_of,
    write_said,
)

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
        assert found == {("p0", "p1"): True, ("p1", "p2"): False}

    @pytest.mark.integration  # A process reads it.
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


class TestOrder:
    def test_is_that_of_time_where_it_is_known(self, tmp_path):
        later, earlier = tmp_path / "later.csv", tmp_path / "earlier.csv"
        header = f"{HEADER},by,at\n"
        later.write_text(
            f"{header}a,b,no,Ann,2025-03-02T08:00:00Z\n"
            "a,c,no,Ann,2025-03-01T09:00:00+02:00\n"
        )
        earlier.write_text(f"{header}a,b,yes,Ann,2025-03-01T08:00\n")
        said = read_said(str(later), str(earlier))
        assert [(it.second, it.same) for it in said] == [
            ("c", False),
            ("b", True),
            ("b", False),
        ]

    @pytest.mark.parametrize("at", ["", "yesterday", "1.3.2025"])
    def test_is_that_of_rows_elsewhere(self, at, read, tmp_path):
        path = tmp_path / "answers.csv"
        rows = "a,b,no,Ann,2025-03-02T08:00:00Z", f"a,b,yes,Ann,{at}"
        path.write_text("\n".join([f"{HEADER},by,at", *rows, ""]))
        assert [it.same for it in read_said(str(path))] == [False, True]

    def test_of_a_store_is_that_of_its_rows(self, tmp_path):
        """Clocks may be set back."""
        path = tmp_path / "a.sqlite"
        with AnswerStore(path) as store:
            for at, last in (("2025-03-02", 0), ("2025-03-01", -1)):
                store.add(Answer("pair", ("a",), ("b",), (0, last), "Ann", at))
        assert [it.same for it in read_said(str(path))] == [True, False]


class TestPerson:
    def test_is_a_name(self):
        assert Said("a", "b", True, "Ann").person == "Ann"

    def test_without_a_name_is_one_where_time_tells_what_is_newer(self):
        first, second = (Said("a", "b", it, at="2025") for it in (True, False))
        assert first.person == second.person == ""

    def test_without_name_and_time_is_whoever_says_the_same(self):
        yes, no, again = (Said("a", "b", it) for it in (True, False, True))
        assert yes.person == again.person != no.person


class TestWrite:
    SAID = (
        Said("=1+1", "@sum(A1)", True, "Ann", "2025-03-01T08:00:00.000Z"),
        Said('a "b", c', "d\ne", False, "<b>Bob</b>"),
        Said("007", "7", False),
        Said("\u00e9", "\U0001f457", True, "", "2025-03-02T08:00:00.000Z"),
    )

    @pytest.mark.parametrize("name", ["said.csv", "said.parquet", "said.PQ"])
    def test_what_is_written_is_read(self, name, tmp_path):
        write_said(tmp_path / name, self.SAID)
        assert tuple(read_said(str(tmp_path / name))) == self.SAID
        assert [path.name for path in tmp_path.iterdir()] == [name]

    def test_as_a_table(self, tmp_path):
        write_said(tmp_path / "said.csv", self.SAID[:1])
        assert (tmp_path / "said.csv").read_text() == (
            '"product_a","product_b","same","by","at"\n'
            '"\'=1+1","\'@sum(A1)","yes","Ann","2025-03-01T08:00:00.000Z"\n'
        )

    def test_a_store_as_a_table_says_the_same(self, tmp_path):
        answers = (
            Answer("group", ("b", "a", "c"), ("d",), (0, 0, -1, None), "Ann"),
            Answer("pair", ("d",), ("a",), (0, -1), "Bob"),
        )
        with AnswerStore(tmp_path / "a.sqlite") as store:
            for answer in answers:
                store.add(answer)
            said = said_of(store.answers())
        write_said(tmp_path / "said.csv", said)
        assert read_said(str(tmp_path / "said.csv")) == said
        assert read_said(str(tmp_path / "a.sqlite")) == said


class TestHoldsAnswers:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            (f"{HEADER}\na,b,\n", False),
            (f"{HEADER}\na,b,?\n", False),
            (f"{HEADER}\na,b,\na,c,no\n", True),
            (f"{HEADER}\na,b,maybe\n", True),
            ("product_id\na\n", False),
            ("", False),
        ],
    )
    def test_of_a_table(self, text, expected, tmp_path):
        path = tmp_path / "q.csv"
        path.write_text(text)
        assert holds_answers(path) is expected

    def test_without_a_file(self, tmp_path):
        assert not holds_answers(tmp_path / "q.csv")
