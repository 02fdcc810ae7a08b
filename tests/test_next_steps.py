"""What commands say about what to do next."""

import importlib
import re
import shlex

import pytest

from cv_tf import command, group, progress, train
from cv_tf.config import Config
from cv_tf.group import GroupConfig
from cv_tf.next_steps import NextStep, look_at, review_step, say_next

SETTINGS = {
    "embed": "EmbedConfig",
    "evaluate": "EvaluateConfig",
    "group": "GroupConfig",
    "review": "ReviewConfig",
}


def settings_of(step):
    """The settings that the command of a step gives, as its verb reads them."""
    module = importlib.import_module(f"cv_tf.{step.verb}")
    settings_class = getattr(module, SETTINGS[step.verb])
    return command.parse_flags(settings_class, [step.verb, *step.flags])


def typed(step):
    """The words that a shell makes of the lines below the sentence."""
    _, *lines = step.text().splitlines()
    return shlex.split("\n".join(lines).replace("\\\n", ""))


class TestText:
    def test_a_short_command_is_one_line(self):
        step = NextStep("Group them", "group", ["--a=1", "--b=my groups.csv"])
        assert step.text() == "  Group them:\n    cv_tf group --a=1 '--b=my groups.csv'"

    def test_a_step_without_a_command(self):
        assert look_at("a.html").text() == (
            "  Look at the groups: open 'a.html' in a browser."
        )

    @pytest.mark.parametrize("number", range(1, 12))
    def test_long_commands_fit_and_are_what_a_shell_reads(self, number):
        flags = [f"--flag_{i}=a '{i}' $HOME/a file" for i in range(number)]
        step = NextStep("Group them", "group", flags)
        assert typed(step) == ["cv_tf", "group", *flags]
        assert max(map(len, step.text().splitlines())) <= 88


def test_a_command_ends_with_them(capsys, monkeypatch):
    monkeypatch.setattr("shutil.which", "/usr/bin/{}".format)
    say_next(look_at("a.html"), NextStep("Group them", "group", ["--a=1"]))
    assert capsys.readouterr().out == (
        "\nWhat to do next:\n"
        "  Look at the groups: open 'a.html' in a browser.\n"
        "  Group them:\n"
        "    cv_tf group --a=1\n"
    )
    say_next()
    with progress.quiet():
        say_next(look_at("a.html"))
    assert capsys.readouterr().out == ""


def test_a_python_that_is_not_on_the_path_is_spelled_out(capsys, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr("sys.executable", "/my env/bin/python")
    say_next(NextStep("Group them", "group", ["--a=1"]))
    told = capsys.readouterr().out
    assert "\n    '/my env/bin/python' -m cv_tf group --a=1\n" in told


class TestAfterTraining:
    def test_a_catalogue_with_labels(self):
        config = Config(catalog="my.csv", workdir="runs/my")
        steps = train._next_steps(config, {"recall_at_1": 0.5})
        assert [step.verb for step in steps] == ["embed", "group", "evaluate"]
        embed, grouped, evaluate = map(settings_of, steps)
        assert (embed.workdir, embed.catalog) == ("runs/my", "my.csv")
        assert grouped.embeddings == embed.output == "runs/my.parquet"
        assert (evaluate.embeddings, evaluate.groups, evaluate.labels) == (
            embed.output,
            grouped.output,
            "my.csv",
        )

    def test_a_catalogue_without_labels(self):
        steps = train._next_steps(Config(catalog="my.csv", workdir="run/"), {})
        assert [step.verb for step in steps] == ["embed", "group", "review"]
        assert settings_of(steps[0]).output == "run.parquet"
        assert settings_of(steps[2]).groups == settings_of(steps[1]).output

    def test_the_export_of_a_shop_is_read_as_it_was(self):
        columns = ("shopify", "color:Farbe, hell")
        config = Config(catalog="e.csv", columns=columns, workdir="r", image_base="p")
        embed, _, last = train._next_steps(config, {"recall_at_1": 0.5})
        assert last.verb == "review"  # Its labels have another name.
        assert settings_of(embed).columns == columns
        assert settings_of(embed).image_base == "p"

    def test_photos_of_yours_are_promised_to_those_without(self):
        drawn = train._next_steps(Config(workdir="runs/drawn", write_groups=True), {})
        assert [step.verb for step in drawn] == ["", "review", "train"]
        own = Config(workdir="runs/my", catalog="my.csv", write_groups=True)
        assert [step.verb for step in train._next_steps(own, {})] == ["", "review"]

    def test_a_data_set_is_that_of_the_run(self):
        steps = train._next_steps(Config(workdir="runs/drawn"), {"recall_at_1": 0.5})
        assert [step.verb for step in steps] == ["embed", "group", "review"]
        assert steps[0].flags == ["--workdir=runs/drawn", "--output=runs/drawn.parquet"]


class TestAfterGrouping:
    def steps(self, **settings):
        config = GroupConfig(embeddings="v.parquet", output="a/g.csv", **settings)
        return group._next_steps(config)

    def test_the_first_time(self):
        page, review, again = self.steps(color="off")
        assert settings_of(page) == GroupConfig(
            embeddings="v.parquet",
            output="a/g.csv",
            page="a/g.html",
            color="off",
            overwrite=True,
        )
        asked = settings_of(review)
        assert (asked.embeddings, asked.groups) == ("v.parquet", "a/g.csv")
        assert settings_of(again) == GroupConfig(
            embeddings="v.parquet",
            output="a/g.csv",
            answers=(asked.answers,),
            color="off",
            overwrite=True,
        )

    def test_a_page_that_is_there_is_to_be_looked_at(self):
        first, *others = self.steps(page="g.html", previous="before.csv")
        assert first == look_at("g.html")
        assert [step.verb for step in others] == ["review", "group"]

    def test_answers_go_on_where_they_are(self):
        (step,) = self.steps(page="g.html", answers=("q.csv", "my.sqlite"))[1:]
        assert step == review_step("v.parquet", "a/g.csv", "my.sqlite")

    def test_questions_are_to_be_answered_first(self):
        assert [step.verb for step in self.steps(ask=4)] == ["group"]


def test_no_step_names_a_flag_that_is_not_there():
    """Of every module: what follows a verb in a message is a flag of it."""
    steps = [
        *train._next_steps(Config(catalog="my.csv", workdir="w"), {"recall_at_1": 1}),
        *train._next_steps(Config(workdir="w"), {}),
        *group._next_steps(GroupConfig(embeddings="v", output="g.csv")),
    ]
    for step in steps:
        settings_of(step)
        assert re.fullmatch(r"[A-Z][\w, ]+", step.sentence)
