"""Figures of README, docs and recipes are those of benchmarks/results."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def load(name):
    """A module of benchmarks, which is no package."""
    path = ROOT / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


write_figures = load("write_figures")
stored_tables = load("stored_tables")
PAGES = write_figures.pages()


def named(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_prose_and_results_agree(page):
    """Otherwise: python benchmarks/write_figures.py."""
    text = page.read_text(encoding="utf-8")
    written = write_figures.with_figures(text)
    assert write_figures.differences(text, written) == []


@pytest.mark.parametrize("page", [it for it in PAGES if it.suffix == ".md"], ids=named)
def test_every_table_of_figures_says_where_they_are_from(page):
    """A comment ends in the line before; it may say that they are not stored."""
    text = page.read_text(encoding="utf-8")
    untold = []
    for table in re.finditer(r"(?:^[ ]*\|.*\n)+", text, re.MULTILINE):
        if re.search(r"\d\.\d{3}\b", re.sub("`[^`]*`", "", table[0])):
            before = text[: table.start()].rstrip()
            comment = before[before.rfind("<!--") :]
            if not re.fullmatch(r"<!-- figures .*-->", comment, re.DOTALL):
                untold.append(table[0].splitlines()[0])
    assert untold == []


@pytest.mark.parametrize("recipe", sorted(ROOT.glob("configs/*.cfg")), ids=named)
def test_every_score_of_a_recipe_is_stored(recipe):
    text = recipe.read_text()
    assert "# Figures from: " in text or "# Score: not measured" in text


class TestWritten:
    """The forms that figures and their comments have, on results made by hand."""

    @pytest.fixture
    def write(self, tmp_path):
        rows = [
            {"name": "one", "figures": {"fms": [0.5, 0.7], "gain": {"value": -0.0321}}},
            {"name": "two", "figures": {"fms": [0.25], "gain": {"value": 0.0004}}},
        ]
        interval = {"r": {"value": 0.1, "interval": [0.05, 0.15]}, "n": 1234.5}
        deviation = {"r": {"mean": 0.3, "standard_deviation": 0.02}}
        content = {
            "rows": {"rows": rows},
            "nested": {"a > no": interval, "b": interval, "c": deviation},
        }
        for name, value in content.items():
            (tmp_path / f"{name}.json").write_text(json.dumps(value))

        def run(names, text):
            start = f"# Page\n\n<!-- figures from: {names} -->\n"
            end = "\n\n9.999\n"
            written = write_figures.with_figures(start + text + end, tmp_path)
            assert written.startswith(start)
            assert written.endswith(end)
            return written.removeprefix(start).removesuffix(end)

        return run

    @pytest.mark.parametrize(
        ("names", "before", "after"),
        [
            ("rows > one > fms", "It is 9.999.", "It is 0.600."),
            ("rows > one > fms", "It is **9.9**.", "It is **0.6**."),
            ("rows > * > fms", "| 9.99 |\n| 9.99 |", "| 0.60 |\n| 0.25 |"),
            ("rows > {two|one} > fms", "9.99, 9.99", "0.25, 0.60"),
            ("rows > {two > fms|one > gain}", "9.99, +9.99", "0.25, -0.03"),
            ("rows > two > fms; -; rows > one > fms", "1.5 2.5 3.5", "0.2 2.5 0.6"),
            ("nested > b > r > {low|high|value}", "9.99, 9.99 9.9", "0.05, 0.15 0.1"),
            ("nested > b > n", "1.00", "1,234.50"),
            # Mean and standard deviation; none of one seed.
            ("rows > one > fms > ±", "9.999 ± 9.999", "0.600 ± 0.141"),
            ("rows > one > fms > ±", "9.999", "0.600 ± 0.141"),
            ("rows > two > fms > ±", "9.999 ± 9.999", "0.250"),
            ("nested > c > r > {±|sd}", "9.99 ± 9.99, 9.99", "0.30 ± 0.02, 0.02"),
            # The sign is that of a gain, or none.
            ("rows > * > gain", "+9.999 -9.999", "-0.032 +0.000"),
            ("rows > two > gain", "9.9", "0.0"),
            # What is no figure.
            ("rows > one > fms", "`a 0.5` [b](1.25) 9.9", "`a 0.5` [b](1.25) 0.6"),
            ("rows > one > fms", "--a=0.5 v1.2.3 7, 9.9", "--a=0.5 v1.2.3 7, 0.6"),
            ("rows > one > fms", "arXiv 2103.08505: 9.9", "arXiv 2103.08505: 0.6"),
        ],
    )  # fmt: skip
    def test_figures_take_the_place_of_what_was_there(
        self, write, names, before, after
    ):
        assert write(names, before) == after
        assert write(names, after) == after  # It is done.

    @pytest.mark.parametrize(
        ("names", "message"),
        [
            ("rows > one > fms; -", r"names 2 figures, and the text has 1: 9\.9\."),
            ("rows > three > fms", "there is no 'three'. There are: one, two."),
            ("rows > one > precision", "no 'precision'. There are: fms, gain."),
            ("rows > one", "not a figure"),
            ("rows > one > gain > low", "low of .* is not a figure"),
            ("none > one", "there is no benchmarks/results/none.json"),
        ],
    )
    def test_a_comment_that_does_not_fit_is_an_error(self, write, names, message):
        with pytest.raises(ValueError, match=f"line 3: .*{message}"):
            write(names, "It is 9.9.")

    def test_a_paragraph_ends_at_the_next_comment(self, tmp_path):
        (tmp_path / "a.json").write_text('{"b": 0.5}')
        page = "- <!-- figures from: a > b -->\n  9.9\n" * 2
        assert write_figures.with_figures(page, tmp_path) == page.replace("9.9", "0.5")

    def test_recipes_say_it_below_their_score(self, tmp_path):
        (tmp_path / "a.json").write_text('{"b": [0.5, 0.7], "c": 0.25}')
        recipe = (
            "# A recipe.\n#\n# Time: 9.9 s.\n# Score: 9.99 ±\n# 9.99, 9.99.\n"
            "# Figures from: a > b > ±; a >\n#   c\n#\n# Tried: 9.99.\n--flip=0.55\n"
        )
        written = recipe.replace("9.99 ±\n# 9.99, 9.99", "0.60 ±\n# 0.14, 0.25")
        assert write_figures.with_figures(recipe, tmp_path) == written

    def test_differences_say_where_and_what(self):
        found = write_figures.differences("a\n0.5 ±\n0.1\n", "a\n0.6\n")
        assert found == ["2: 0.5 ±\n    should be: 0.6", "3: 0.1\n    should be: "]


class TestStoredTables:
    TEXT = """# Speed

By `tool`.

| way | | s | gain | gain |
| --- | --- | ---: | ---: | ---: |
| **one** | a | 1,024.5 | +0.5 (-0.1 to +0.6) | |
| one | b | 2 | - | best |

## More

| | s |
| --- | --- |
| x | 3 |

| | s |
| --- | --- |
"""

    def test_tables_have_rows_columns_and_numbers(self):
        assert stored_tables.tables_of(self.TEXT) == {
            "Speed": {
                "one, a": {
                    "s": 1024.5,
                    "gain": {"0": 0.5, "1": -0.1, "2": 0.6},
                    "gain 2": "",
                },
                "one, b": {"s": 2.0, "gain": "-", "gain 2": "best"},
            },
            "More": {"x": {"s": 3.0}},
            "More 2": {},
        }

    @pytest.mark.parametrize("command", ["", "`python benchmarks/a.py --b=1`"])
    def test_they_are_written_beside_the_markdown(self, tmp_path, command):
        path = tmp_path / "a.md"
        stored_tables.write_results(path, f"{self.TEXT}\n{command}\n")
        assert path.read_text() == f"{self.TEXT}\n{command}\n"
        content = json.loads((tmp_path / "a.json").read_text())
        assert content["tables"] == stored_tables.tables_of(self.TEXT)
        assert content["command"] == command.strip("`") or "python benchmarks/a.py"
