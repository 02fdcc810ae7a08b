import csv
import json

import pytest

from cv_tf.report import (
    Neighbor,
    Product,
    SearchResult,
    format_results,
    write_csv,
    write_results_json,
)

SHIRT = Product("A", "/a.jpg", "Shirts", "red")
TWO = (
    SearchResult(
        SHIRT,
        (
            Neighbor(Product("long id", "/b.jpg", "Shirts", "navy"), 0.98765432),
            Neighbor(Product("C", "", "Shirts", ""), -0.5),
        ),
    ),
    SearchResult(Product("", "photo.jpg"), (Neighbor(SHIRT, 1.0, 0.0, 0.95),)),
)


class TestText:
    def test_is_aligned(self):
        assert format_results(TWO) == (
            "Nearest to A (Shirts, red):\n"
            "rank  product_id  similarity  block   color\n"
            "   1  long id          0.988  Shirts  navy\n"
            "   2  C               -0.500  Shirts\n"
            "\n"
            "Nearest to photo.jpg:\n"
            "rank  product_id  similarity  score  same_color  block   color\n"
            "   1  A                1.000  0.950        0.00  Shirts  red"
        )

    def test_has_no_columns_of_what_is_not_known(self):
        result = SearchResult(Product("A"), (Neighbor(Product("B"), 0.5),))
        assert format_results([result]).split("\n")[1:] == [
            "rank  product_id  similarity",
            "   1  B                0.500",
        ]

    def test_letters_that_take_two_cells(self):
        found = (Neighbor(Product("シャツ", "", "", "赤"), 0.5), *TWO[0].neighbors)
        lines = format_results([SearchResult(SHIRT, found)]).split("\n")
        assert lines[2] == "   1  シャツ           0.500          赤"

    def test_nothing_moves_the_cursor(self):
        result = SearchResult(Product("A\x1b[2J"), (Neighbor(Product("B\nC\r"), 0.5),))
        text = format_results([result])
        assert "Nearest to A\ufffd[2J:" in text
        assert "B\ufffdC\ufffd" in text
        assert len(text.split("\n")) == 3

    def test_of_a_product_that_is_alone(self):
        assert format_results([SearchResult(SHIRT, ())]) == (
            "A (Shirts, red): there is no other product to compare it with. "
            "--within_block=false compares with those of all blocks."
        )


def test_csv_has_a_row_a_neighbor(tmp_path):
    write_csv(tmp_path / "n.csv", [*TWO, SearchResult(Product("alone"), ())])
    assert (tmp_path / "n.csv").read_text() == (
        "query,rank,product_id,similarity,score,same_color,block,color,image\n"
        "A,1,long id,0.987654,,,Shirts,navy,/b.jpg\n"
        "A,2,C,-0.500000,,,Shirts,,\n"
        "photo.jpg,1,A,1.000000,0.950000,0.000000,Shirts,red,/a.jpg\n"
    )


def test_csv_keeps_commas_quotes_and_line_breaks(tmp_path):
    strange = 'a,"b"\nc'
    write_csv(
        tmp_path / "n.csv", [SearchResult(SHIRT, (Neighbor(Product(strange), 0.5),))]
    )
    with (tmp_path / "n.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.DictReader(file))["product_id"] == strange


def test_json_says_null_where_nothing_is_known(tmp_path):
    write_results_json(tmp_path / "n.json", TWO)
    shirt = {"product_id": "A", "image": "/a.jpg", "block": "Shirts", "color": "red"}
    nothing = dict.fromkeys(shirt)
    unknown = {"same_color": None, "score": None}
    first = {"rank": 1, "similarity": 0.987654, "product_id": "long id", **unknown}
    second = {"rank": 2, "similarity": -0.5, "product_id": "C", "block": "Shirts"}
    third = {"rank": 1, "similarity": 1.0, "same_color": 0.0, "score": 0.95}
    assert json.loads((tmp_path / "n.json").read_text()) == [
        {
            "query": shirt,
            "neighbors": [
                first | {"image": "/b.jpg", "block": "Shirts", "color": "navy"},
                nothing | second | unknown,
            ],
        },
        {"query": nothing | {"image": "photo.jpg"}, "neighbors": [third | shirt]},
    ]


@pytest.mark.parametrize("write", [write_csv, write_results_json])
def test_names_that_are_no_text_cost_nothing_else(write, tmp_path):
    query = Product("", b"caf\xe9.jpg".decode("utf-8", "surrogateescape"))
    write(tmp_path / "file", [SearchResult(query, (Neighbor(SHIRT, 0.5),))])
    assert "Shirts" in (tmp_path / "file").read_text(encoding="utf-8")


@pytest.mark.parametrize("write", [write_csv, write_results_json])
def test_files_appear_whole_or_not_at_all(write, tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises((TypeError, ValueError)):
        write(path, [TWO[0], SearchResult(SHIRT, (None,))])
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"
