"""`cv_tf VERB`, and what holds for the command line of every verb."""

import configparser
import dataclasses
import importlib
import re
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import cv_tf
from cv_tf import command, progress
from cv_tf.__main__ import VERBS, main
from cv_tf.settings import setting

ROOT = Path(cv_tf.__file__).parent


def settings_class_of(verb):
    """The class of the settings, and what its help is headed by."""
    module = importlib.import_module(f"cv_tf.{verb}")
    (call,) = re.findall(
        r"command\.run\((\w+), (\w+)", (ROOT / f"{verb}.py").read_text()
    )
    return getattr(module, call[1]), getattr(module, call[0])


@pytest.fixture
def typed(monkeypatch, capsys):
    """A function from words after `cv_tf` to exit code, output and errors."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["/usr/bin/cv_tf", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code
        return (code, *capsys.readouterr())

    return run


class TestVerbs:
    def test_all_modules_that_run_a_command_are_listed(self):
        commands = {
            path.stem
            for path in ROOT.glob("*.py")
            if "\n    command.run(" in path.read_text()
        }
        assert set(VERBS) == commands

    @pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
    def test_each_has_its_line(self, words, typed):
        code, output, errors = typed(*words)
        assert (code, errors) == (0, "")
        lines = output.splitlines()
        assert [line.split()[0] for line in lines if line.startswith("  ")][1:] == [
            *VERBS
        ]
        assert max(map(len, lines)) <= 80

    def test_a_wrong_one_leads_to_the_nearest(self, typed):
        assert typed("trian") == (
            2,
            "",
            "cv_tf has no verb 'trian'. Did you mean train?\nSee cv_tf --help.\n",
        )
        code, _, errors = typed("--catalog=my.csv")
        assert (code, "Did you mean" in errors) == (2, False)

    def test_the_version(self, typed):
        assert typed("--version") == (0, f"cv_tf {cv_tf.__version__}\n", "")

    @pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
    @pytest.mark.parametrize(
        "flags", [("--help",), ("--help=all",), ("--outptu=x",), ("--embeddings=no",)]
    )
    def test_a_verb_is_what_its_module_is(self, flags, typed, run_verb):
        module = run_verb("group", *flags)
        assert typed("group", *flags) == (
            module.returncode,
            module.stdout,
            module.stderr,
        )

    def test_the_console_script(self):
        setup = configparser.ConfigParser()
        setup.read(ROOT.parent / "setup.cfg")
        scripts = setup["options.entry_points"]["console_scripts"].split()
        assert scripts == ["cv_tf", "=", "cv_tf.__main__:main"]

    @pytest.mark.integration
    def test_a_process(self):
        python = [sys.executable, "-X", "importtime", "-m", "cv_tf"]
        done = subprocess.run(
            [*python, "embed", "--help"], capture_output=True, text=True, check=True
        )
        assert done.stdout.startswith("Turns the photos of a catalogue into vectors")
        loaded = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
        assert not loaded & {"tensorflow", "scipy", "sklearn", "matplotlib", "keras"}


@pytest.mark.parametrize("verb", VERBS)
class TestHelp:
    def test_is_short_and_names_flags_that_are_there(self, verb):
        settings_class, run = settings_class_of(verb)
        names = [field.name for field in dataclasses.fields(settings_class)]
        flags = settings_class.main_flags
        assert len(set(flags)) == len(flags) <= 11
        assert set(flags) <= set(names)
        text = command.help_text(settings_class, run, is_all=False)
        assert len(text.splitlines()) < 60
        listed = re.findall(r"^  --(\w+)", text, re.MULTILINE)
        assert listed == [*flags, "quiet", "flagfile"]
        assert text.endswith(f"--help=all lists all {len(names)} flags.")
        assert f"\n    cv_tf {verb} --" in text

    def test_has_all_flags_and_sentences_if_asked(self, verb):
        settings_class, run = settings_class_of(verb)
        text = command.help_text(settings_class, run)
        names = {field.name for field in dataclasses.fields(settings_class)}
        listed = re.findall(r"^  --(\w+)", text, re.MULTILINE)
        assert sorted(listed) == sorted([*names, "quiet", "flagfile"])
        assert sys.modules[run.__module__].__doc__.strip() in text


@dataclasses.dataclass(kw_only=True)
class Kettle:
    """What the kettle is set to."""

    main_flags: typing.ClassVar[tuple[str, ...]] = ("heat",)
    heat: int = setting(100, "Degrees.")
    whistle: bool = setting(True, "Whether it is heard.")


def boil(kettle):
    """Boils, and says so on the way and in the end."""
    progress.say("It sings.")
    print(f"{kettle.heat} degrees")


@pytest.fixture
def boiled(monkeypatch, capsys):
    def run(*flags):
        monkeypatch.setattr(sys, "argv", ["kettle", *flags])
        code = 0
        try:
            command.run(boil, Kettle)
        except SystemExit as end:
            code = end.code
        return (code, *capsys.readouterr())

    return run


@pytest.mark.parametrize("words", ["--help", "-h", "--help --heat=3", "--heat=3 -h"])
def test_help_with_what_matters(words, boiled):
    code, output, errors = boiled(*words.split())
    assert (code, errors) == (0, "")
    assert "--heat=100" in output
    assert "--whistle" not in output


@pytest.mark.parametrize("words", ["--help=all", "--help all", "-h all", "--helpfull"])
def test_help_with_all(words, boiled):
    code, output, errors = boiled(*words.split())
    assert (code, errors) == (0, "")
    assert "--whistle=True" in output


class TestQuiet:
    @pytest.mark.parametrize("flags", [(), ("--noquiet",), ("--quiet", "--noquiet")])
    def test_progress_is_shown(self, flags, boiled):
        assert boiled(*flags) == (0, "It sings.\n100 degrees\n", "")

    @pytest.mark.parametrize("flag", ["--quiet", "--quiet=True", "--quiet=true"])
    def test_results_alone(self, flag, boiled):
        assert boiled(flag, "--heat=3") == (0, "3 degrees\n", "")
        assert not progress.is_quiet()

    def test_errors_are_told(self, boiled):
        code, output, errors = boiled("--quiet", "--heat=hot")
        assert (code, output) == (2, "")
        assert "--heat=hot" in errors

    def test_it_is_no_setting(self, boiled, tmp_path):
        (tmp_path / "kettle.cfg").write_text("--quiet\n")
        code, _, errors = boiled(f"--flagfile={tmp_path}/kettle.cfg")
        assert code == 2
        assert "--quiet is no setting: it takes no value, and has no place in" in errors
        assert "Give it on the command line, as --quiet." in boiled("--quiet=1")[2]

    def test_a_slip_is_understood(self, boiled):
        assert "Did you mean: quiet" in boiled("--quite")[2]
