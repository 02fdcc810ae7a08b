import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from absl import flags

from cv_tf import command, evaluate, train
from cv_tf.atomic import write_text
from cv_tf.config import (
    CatalogSettings,
    Config,
    ConfigError,
    DataSettings,
    TrainingSettings,
    setting,
)
from cv_tf.evaluate import EvaluateConfig
from cv_tf.report import EvaluationPageSettings
from cv_tf.settings import check_all


@dataclasses.dataclass(kw_only=True)
class Oven:
    """What the oven is set to."""

    heat: float = setting(180.0, "Degrees.", minimum=0)
    minutes: int = setting(10, "How long.")
    fan: bool = setting(True, "Blow.")
    mode: str = setting("top", "Where from.", one_of=("top", "bottom"))
    shelves: tuple[str, ...] = setting(("low",), "Which.")

    def __post_init__(self):
        if self.heat > 300:
            raise ValueError(f"--heat={self.heat} melts the oven.")


@dataclasses.dataclass(kw_only=True)
class Grill(Oven):
    """What the grill is set to."""

    grates: int = setting(1, "How many.", minimum=1, was=("racks", "rows"))
    racks_apart: float = setting(0.5, "Far apart.")


def parse(*arguments):
    return command.parse_flags(Oven, ["oven", *arguments])


def test_flags_become_fields_of_their_types():
    assert parse() == Oven()
    assert parse(
        "--heat=99.5", "--minutes=3", "--nofan", "--mode=bottom", "--shelves=low,high"
    ) == Oven(heat=99.5, minutes=3, fan=False, mode="bottom", shelves=("low", "high"))
    assert parse("--fan=false", "--shelves=") == Oven(fan=False, shelves=())


def test_a_flagfile_is_read_and_later_flags_win(tmp_path):
    (tmp_path / "oven.cfg").write_text("# Bread.\n--heat=230\n\n--minutes=40\n")
    flagfile = f"--flagfile={tmp_path / 'oven.cfg'}"
    assert parse(flagfile) == Oven(heat=230.0, minutes=40)
    assert parse(flagfile, "--heat=200") == Oven(heat=200.0, minutes=40)
    (tmp_path / "long.cfg").write_text(f"{flagfile}\n--minutes=60\n")
    long = parse(f"--flagfile={tmp_path / 'long.cfg'}")
    assert long == Oven(heat=230.0, minutes=60)


def test_what_is_given_is_told_from_what_is_not():
    given = command.given_flags(Oven, ["oven", "--minutes=10", "--shelves=low,high"])
    assert given == {"minutes": 10, "shelves": ("low", "high")}
    # A value that the settings refuse is given all the same.
    assert command.given_flags(Oven, ["oven", "--heat=999"]) == {"heat": 999.0}


def test_values_are_spelled_as_flags():
    values = {"heat": 99.5, "fan": False, "shelves": ("low", "high"), "mode": ""}
    spelled = command.to_flags(values)
    assert spelled == ["--heat=99.5", "--fan=False", "--shelves=low,high", "--mode="]
    assert command.given_flags(Oven, ["oven", *spelled]) == values


def test_values_with_commas_are_read_back():
    spelled = command.to_flags({"shelves": ("Price, EUR", 'a "b"', "c")})
    assert command.given_flags(Oven, ["oven", *spelled]) == {
        "shelves": ("Price, EUR", 'a "b"', "c")
    }


class TestFormerNames:
    def given(self, *arguments):
        return command.given_flags(Grill, ["grill", *arguments])

    def test_are_still_understood(self, tmp_path):
        assert self.given("--racks=3") == {"grates": 3}
        assert command.parse_flags(Grill, ["grill", "--racks=3"]) == Grill(grates=3)
        (tmp_path / "grill.cfg").write_text("--racks=3\n")
        assert self.given(f"--flagfile={tmp_path}/grill.cfg") == {"grates": 3}

    def test_the_new_name_is_the_one_of_the_field(self):
        assert self.given("--grates=3") == {"grates": 3}
        assert self.given("--fan") == {"fan": True}
        assert command.to_flags(self.given("--racks=3")) == ["--grates=3"]

    def test_a_value_is_checked_by_the_new_name(self):
        grill = command.parse_flags(Grill, ["grill", "--racks=0"])
        with pytest.raises(ConfigError, match="--grates=0 must be 1 or more"):
            check_all(grill)

    @pytest.mark.parametrize("values", [("--racks=3", "--grates=4"), ("--grates=4",)])
    def test_both_names_are_an_error_in_plain_words(self, values, tmp_path):
        (tmp_path / "grill.cfg").write_text("--racks=3\n")
        message = (
            "--racks is the former name of --grates, and both are given. Pass "
            "--grates only."
        )
        with pytest.raises(flags.Error, match=re.escape(message)):
            self.given(f"--flagfile={tmp_path}/grill.cfg", *values)

    def test_of_several_the_last_one_counts(self):
        """As of any flag that is given twice."""
        assert self.given("--rows=2") == {"grates": 2}
        assert self.given("--rows=2", "--racks=3") == {"grates": 3}
        assert self.given("--racks=3", "--rows=2") == {"grates": 2}
        with pytest.raises(flags.Error, match="--racks is the former name of"):
            self.given("--racks=3", "--rows=2", "--grates=4")

    def test_help_shows_only_the_new_name(self):
        text = command.help_text(Grill, train.main)
        assert "--grates=1\n" in text
        assert "--racks=" not in text
        assert "--racks_apart=0.5\n" in text


def test_settings_that_are_not_the_defaults():
    oven = Oven(minutes=3, shelves=("high",), mode="top")
    assert command.changed_settings(oven) == {"minutes": 3, "shelves": ("high",)}


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--minuets=3", r"'minuets'. Did you mean: minutes"),
        ("--minutes=3.5", r"--minutes=3\.5"),
        ("--fan=perhaps", r"--fan=perhaps"),
        ("fast", r"'fast' is not a flag; every setting is given as --name=value"),
        ("--flagfile=nowhere.cfg", r"nowhere\.cfg"),
    ],
)
def test_what_cannot_be_parsed_is_named(argument, message):
    with pytest.raises(flags.Error, match=message):
        parse(argument)


def test_parsing_touches_no_global_flags():
    parse("--heat=20")
    assert "heat" not in flags.FLAGS


def _another(field: dataclasses.Field):
    """A valid value that is not the default; hard to write down where it can be."""
    chosen = {"image_size": 96, "embed_size": 224, "queue_size": 130, "batch_size": 65}
    if field.name in chosen:
        return chosen[field.name]
    if field.metadata["one_of"]:
        return next(v for v in field.metadata["one_of"] if v != field.default)
    if field.name in ("threshold", "color"):
        return {"threshold": "-0.25", "color": "0.25"}[field.name]
    return {
        bool: lambda: not field.default,
        int: lambda: field.default + 7,
        float: lambda: 1 / 3,
        str: lambda: "a folder/with = signs, commas & ümlauts #1",
        tuple: lambda: ("brand name", "gender"),
    }[type(field.default)]()


def test_a_flagfile_reads_back_to_equal_settings(tmp_path):
    fields = [
        field
        for field in dataclasses.fields(EvaluateConfig)
        # These need another's default, or other choices than the next ones.
        if field.name
        not in (
            *("micro_batch", "pseudo_labels"),
            *("embeddings", "groups", "labels", "answers"),
            *("baseline", "baseline_groups"),
        )
    ]
    settings = EvaluateConfig(**{field.name: _another(field) for field in fields})
    for field in fields:
        assert getattr(settings, field.name) != field.default, field.name
    path = tmp_path / "config.cfg"
    path.write_text(command.to_flagfile(settings))
    assert command.parse_flags(EvaluateConfig, ["", f"--flagfile={path}"]) == settings
    # An empty value must not take the next line for its own.
    path.write_text(command.to_flagfile(Oven(mode="top", shelves=())))
    assert parse(f"--flagfile={path}") == Oven(shelves=())


@pytest.mark.parametrize(
    ("settings_class", "main"), [(Config, train.main), (EvaluateConfig, evaluate.run)]
)
def test_help_has_every_flag_once_under_its_topic(settings_class, main):
    lines = command.help_text(settings_class, main).split("\n")
    topics = {
        topic.__doc__.split("\n")[0]
        for topic in settings_class.__mro__[:-1]
        # These have no settings of their own.
        if topic not in (Config, EvaluationPageSettings)
    }
    flags_of, topic = {}, None
    for line in lines:
        if line in topics:
            topic = line
        if line.startswith("  --") and "=" in line:
            flags_of.setdefault(topic, []).append(line.strip()[2:].split("=")[0])
    listed = [name for names in flags_of.values() for name in names]
    expected = [field.name for field in dataclasses.fields(settings_class)]
    assert sorted(listed) == sorted([*expected, "flagfile"])
    assert set(flags_of) == topics
    assert {"catalog", "frame"} < set(flags_of[CatalogSettings.__doc__])
    assert {"train_split", "on_bad_image"} < set(flags_of[DataSettings.__doc__])
    assert {"steps", "seed"} < set(flags_of[TrainingSettings.__doc__])
    assert max(len(line) for line in lines if line.startswith("  ")) <= 80


def test_help_shows_defaults_choices_and_what_the_command_is_for():
    text = command.help_text(Oven, train.main)
    assert text.startswith(train.__doc__)
    assert "--heat=180.0\n      Degrees.\n" in text
    assert "--shelves=low\n" in text
    assert "--mode=top\n      Where from. One of: top, bottom.\n" in text


def test_help_has_what_is_declared_anew_under_the_later_topic():
    @dataclasses.dataclass(kw_only=True)
    class Kiln(Oven):
        """What the kiln is set to."""

        heat: float = setting(1200.0, "Degrees at the top.")

    lines = command.help_text(Kiln, train.main).split("\n")
    places = [i for i, line in enumerate(lines) if line.startswith("  --heat=")]
    assert [lines[place] for place in places] == ["  --heat=1200.0"]
    assert places[0] > lines.index("What the kiln is set to.")


# Runs `main` as a verb does, in a process of its own.
VERB = """
import dataclasses, sys
from cv_tf import command
from cv_tf.errors import MissingPackageError, UserError
from cv_tf.config import setting

@dataclasses.dataclass(kw_only=True)
class Settings:
    '''All there is.'''
    what: str = setting("nothing", "What to do.", one_of=())

    def __post_init__(self):
        if self.what == "unknown":
            raise UserError("--what=unknown is not known.")

def main(settings):
    '''What happens.'''
    if settings.what == "input":
        raise UserError("catalog.csv line 3: no such photo. Mend it.")
    if settings.what == "own":
        from cv_tf.models.torch_weights import WeightFileError
        raise WeightFileError("'a.pth' is cut short.")
    if settings.what == "package":
        from cv_tf.catalog import read_catalog
        read_catalog("nowhere.csv")
    if settings.what == "disk":
        open("/nowhere/at/all")
    if settings.what == "extra":
        raise MissingPackageError("tensorflow-addons cannot be imported: ...")
    if settings.what == "shapes":
        import numpy as np
        np.ones(2) + np.ones(3)
    if settings.what == "own-value":
        raise ValueError("labels are of the wrong shape")
    if settings.what == "integer":
        int("three")
    if settings.what == "key":
        {}["missing"]
    if settings.what == "lengths":
        list(zip([1], [1, 2], strict=True))
    if settings.what == "library":
        import json
        json.loads("{")
    if settings.what == "module":
        import cv_tf.nothing
    print("done", settings.what)

command.run(main, Settings)
"""


def _run(*arguments):
    return subprocess.run(
        [sys.executable, "-c", VERB, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.integration
def test_a_command_that_succeeds_exits_with_0():
    finished = _run("--what=work")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == "done work\n"


@pytest.mark.integration
@pytest.mark.parametrize("what", ["--help", "-h", "--helpfull"])
def test_help_exits_with_0_and_does_nothing(what):
    finished = _run("--what=work", what)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert "--what=nothing\n      What to do.\n" in finished.stdout
    assert "done" not in finished.stdout


@pytest.mark.integration
@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--wat=work", "Wrong use: Unknown command line flag 'wat'"),
        ("work", "Wrong use: 'work' is not a flag;"),
        ("--what=unknown", "Wrong use: --what=unknown is not known."),
        ("--flagfile=no.cfg", "Wrong use: "),
    ],
)
def test_wrong_use_exits_with_2_in_plain_words(argument, message):
    finished = _run(argument)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith(message)
    assert finished.stderr.endswith("See --help, or --help=all for every flag.\n")
    assert "Traceback" not in finished.stderr


@pytest.mark.integration
@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("input", "catalog.csv line 3: no such photo. Mend it."),
        ("package", "nowhere.csv"),
        ("disk", "No such file or directory: '/nowhere/at/all'"),
        ("extra", "tensorflow-addons cannot be imported"),
    ],
)
def test_what_the_user_can_mend_exits_with_1_in_one_line(what, message):
    finished = _run(f"--what={what}")
    assert (finished.returncode, finished.stdout) == (1, "")
    assert finished.stderr.startswith("Failed: ")
    assert message in finished.stderr
    assert finished.stderr.count("\n") == 1


@pytest.mark.integration
@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("shapes", "ValueError: operands could not be broadcast together"),
        ("own-value", "ValueError: labels are of the wrong shape"),
        ("integer", "ValueError: invalid literal for int"),
        ("key", "KeyError: 'missing'"),
        ("lengths", "ValueError: zip() argument 2 is longer"),
        ("library", "json.decoder.JSONDecodeError"),
        ("module", "ModuleNotFoundError: No module named 'cv_tf.nothing'"),
    ],
)
def test_a_bug_keeps_its_traceback(what, error):
    finished = _run(f"--what={what}")
    assert finished.returncode == 1
    assert "Traceback (most recent call last)" in finished.stderr
    assert error in finished.stderr
    assert "Failed: " not in finished.stderr


class TestOutput:
    SUFFIXES = (".csv", ".parquet")

    @pytest.mark.parametrize("name", ["new.csv", "new.parquet", "new.v2.CSV"])
    @pytest.mark.parametrize("overwrite", [False, True])
    def test_a_new_file(self, name, overwrite, tmp_path):
        path = command.check_output(f"{tmp_path}/{name}", overwrite, self.SUFFIXES)
        assert path == tmp_path / name
        assert not path.exists()

    def test_a_file_of_the_folder_one_is_in(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        found = command.check_output("new.csv", False, self.SUFFIXES)
        assert found == Path("new.csv")

    def test_home_folders_are_understood(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HOME", str(tmp_path))
        found = command.check_output("~/new.csv", False, self.SUFFIXES)
        assert found == tmp_path / "new.csv"

    def test_a_file_that_is_there_needs_overwrite(self, tmp_path):
        path = tmp_path / "old.csv"
        path.write_text("precious")
        message = f"'{path}' exists. Pass --overwrite to replace it."
        with pytest.raises(ConfigError, match=re.escape(message)):
            command.check_output(str(path), False, self.SUFFIXES)
        assert command.check_output(str(path), True, self.SUFFIXES) == path
        assert path.read_text() == "precious"

    @pytest.mark.parametrize(
        ("output", "message"),
        [
            ("", "--groups is not set. Name a file that ends in .csv or .parquet."),
            ("a.txt", "--groups=a.txt must end in .csv or .parquet, which say its"),
            ("a", "--groups=a must end in .csv or .parquet"),
            ("csv", "--groups=csv must end in .csv or .parquet"),
            (".csv", "--groups=.csv must end in .csv or .parquet"),
            ("folder.csv", "'folder.csv' is a folder; --groups must be a file."),
            ("file/a.csv", "file' is a file, so that 'file/a.csv' cannot be in it."),
            ("file/no/a.csv", "file' is a file, so that 'file/no/a.csv' cannot be"),
            ("gs://bucket/a.csv", "There is no folder 'gs:/bucket' to write to, and"),
            ("~no one/a.csv", "There is no folder '~no one' to write to, and it"),
        ],
    )
    def test_what_cannot_be_written(self, output, message, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "folder.csv").mkdir()
        (tmp_path / "file").touch()
        with pytest.raises(ConfigError, match=re.escape(message)):
            command.check_output(output, True, self.SUFFIXES, flag="--groups")

    def test_a_folder_that_may_not_be_made(self, tmp_path, monkeypatch):
        monkeypatch.setattr("os.access", lambda *_: False)
        with pytest.raises(ConfigError, match=f"cannot be made in '{tmp_path}'"):
            command.check_output(f"{tmp_path}/no/a.csv", True, self.SUFFIXES)
        with pytest.raises(ConfigError, match=f"may not write to .* '{tmp_path}'"):
            command.check_output(f"{tmp_path}/a.csv", True, self.SUFFIXES)

    def test_folders_are_made_when_it_is_written_and_not_before(self, tmp_path):
        path = tmp_path / "one" / "two" / "a.csv"
        assert command.check_output(str(path), False, self.SUFFIXES) == path
        assert [*tmp_path.iterdir()] == []
        write_text(path, "a")
        assert path.read_text() == "a"
        assert [it.name for it in path.parent.iterdir()] == ["a.csv"]


def test_names_are_on_the_left_and_numbers_on_the_right():
    rows = [["", "a", "bcd"], ["one", "10", ""], ["three", "7", "1"]]
    assert command.aligned(rows) == ["        a  bcd", "one    10", "three   7    1"]


def test_rows_are_of_one_length():
    with pytest.raises(ValueError, match="shorter"):
        command.aligned([["a", "b"], ["c"]])
