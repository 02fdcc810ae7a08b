import dataclasses
import re

import pytest

from cv_tf.command import to_flagfile
from cv_tf.config import Config, ConfigError, setting
from cv_tf.evaluate import EvaluateConfig
from cv_tf.training import Workdir

FIELDS = {field.name: field for field in dataclasses.fields(EvaluateConfig)}
CHOSEN = [name for name, field in FIELDS.items() if field.metadata["one_of"]]
BOUNDED = [
    name
    for name, field in FIELDS.items()
    if field.metadata["minimum"] is not None or field.metadata["maximum"] is not None
]


def test_defaults_are_valid_and_explained():
    Config()
    for name, field in FIELDS.items():
        assert field.metadata["help"].endswith("."), name
        if field.metadata["one_of"]:
            assert field.default in field.metadata["one_of"], name


# What a choice needs beside it.
NEEDS = {
    "pixels": {"parts": "grid_3x3"},
    "crops": {"method": "simclr"},
    "whole": {"method": "simclr"},
    "missing": {"method": "triplet"},
    "all": {"method": "supcon"},
}


@pytest.mark.parametrize("name", CHOSEN)
def test_every_choice_is_taken_and_no_other(name):
    for value in FIELDS[name].metadata["one_of"]:
        settings = {name: value} | NEEDS.get(value, {})
        assert getattr(Config(**settings), name) == value
    known = re.escape(", ".join(map(str, FIELDS[name].metadata["one_of"])))
    other = 7 if isinstance(FIELDS[name].default, int) else "else"
    message = rf"--{name}={other} is not one of: {known}\."
    with pytest.raises(ConfigError, match=message):
        Config(**{name: other})


@pytest.mark.parametrize("name", BOUNDED)
def test_values_out_of_bounds_are_refused_by_the_name_of_the_flag(name):
    kind, limits = type(FIELDS[name].default), FIELDS[name].metadata
    for bound, side, words in (("minimum", -1, "more"), ("maximum", 1, "less")):
        limit = limits[bound]
        if limit is None:
            continue
        message = rf"--{name}=.* must be {re.escape(str(limit))} or {words}\."
        with pytest.raises(ConfigError, match=message):
            EvaluateConfig(**{name: kind(limit + side)})
    if kind is float:
        with pytest.raises(ConfigError, match=f"--{name}=nan must be"):
            EvaluateConfig(**{name: float("nan")})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": "10"}, r"--steps is '10', which must be of type int\."),
        ({"flip": "0.5"}, r"--flip is '0\.5', which must be of type float\."),
        (
            {"block_columns": ["category"]},
            r"--block_columns is \['category'\], which must be of type tuple\.",
        ),
        ({"image_size": 100}, r"--image_size=100 .*must be multiples of 32"),
        ({"embed_size": 200}, r"--embed_size=200 must be multiples of 32"),
        (
            {"method": "moco", "queue_size": 100, "batch_size": 64},
            r"--queue_size=100 must be a multiple of --batch_size=64\.",
        ),
        (
            {"method": "part_contrast", "views": "crops"},
            r"--views=crops\. Pass --method=simclr --views=crops",
        ),
        (
            {"method": "moco", "pseudo_labels": "all"},
            r"--pseudo_labels=all is for .* \(supcon, triplet\); --method=moco learns",
        ),
        (
            {"threshold": "high"},
            r"--threshold=high must be 'auto', 'expected', or from",
        ),
        ({"threshold": "1.5"}, r"--threshold=1\.5 must be"),
        ({"threshold": "nan"}, r"--threshold=nan must be"),
    ],
)
def test_what_does_not_go_together_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Config(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"method": "moco", "queue_size": 128, "momentum": 0.99, "batch_size": 64},
        {"method": "simclr", "queue_size": 100, "batch_size": 64},
        {"method": "part_contrast", "views": "parts"},
        {"threshold": "-1"},
        {"threshold": "0.25"},
        {"learning_rate": 1, "weight_decay": 0},
    ],
)
def test_what_goes_together_is_taken(settings):
    config = Config(**settings)
    assert {name: getattr(config, name) for name in settings} == settings


def test_size_at_use_is_that_of_training_unless_set():
    assert Config(image_size=96).size_at_use == 96
    assert Config(image_size=96, embed_size=224).size_at_use == 224


@pytest.mark.parametrize(
    ("method", "kind"),
    [("part_contrast", "parts"), ("triplet", "whole"), ("simclr", "crops")],
)
def test_views_are_those_that_the_method_is_known_for_unless_set(method, kind):
    assert Config(method=method).view_kind == kind
    assert Config(method=method, views="parts").view_kind == "parts"


def test_replacing_a_setting_checks_again():
    with pytest.raises(ConfigError, match="--steps=-1 must be 0 or more"):
        dataclasses.replace(Config(), steps=-1)


def test_a_setting_says_all_of_itself():
    field = setting(3, "How many.", one_of=("3",), minimum=1, maximum=5)
    assert field.default == 3
    assert dict(field.metadata) == {
        "help": "How many.",
        "one_of": ("3",),
        "minimum": 1,
        "maximum": 5,
        "was": (),
        "names": False,
    }


def test_parts_that_pixels_cannot_show_are_refused():
    with pytest.raises(ConfigError, match=r"--parts=symmetric_7x7 .* --parts=grid_3x3"):
        Config(parts_from="pixels")


def test_pieces_of_a_batch_are_equal_and_normalized_as_pretrained():
    assert Config(batch_size=64, micro_batch=16).micro_batch == 16
    with pytest.raises(ConfigError, match=r"multiple of --micro_batch=24"):
        Config(batch_size=64, micro_batch=24)
    with pytest.raises(ConfigError, match=r"needs --freeze_batch_norm"):
        Config(batch_size=64, micro_batch=16, freeze_batch_norm=False)


def test_the_former_flag_of_color_is_that_of_grouping(tmp_path):
    """As a config.cfg of an earlier version has it."""
    (tmp_path / "config.cfg").write_text("--same_color=0.25\n--steps=7\n")
    config = Workdir(tmp_path).read_config()
    assert config == Config(color="0.25", steps=7)
    assert "same_color" not in to_flagfile(config)


@pytest.mark.parametrize(
    ("grouping", "search", "color"),
    [
        ("0.5", "0.2", "auto"),
        ("0.0", "0.2", "0.0"),
        ("0.5", "0.1", "0.1"),
        ("0.3", "0.1", "0.3"),
    ],
)
def test_a_run_of_an_earlier_version_has_two_settings_of_color(
    grouping, search, color, tmp_path
):
    """Its former defaults ask for nothing, so that it can be resumed."""
    (tmp_path / "config.cfg").write_text(
        f"--steps=7\n--search_color_weight={search}\n--group_color_weight={grouping}\n"
    )
    workdir = Workdir(tmp_path)
    assert workdir.read_config() == Config(color=color, steps=7)
    workdir.check(Config(color=color, steps=7))
    (tmp_path / "config.cfg").write_text("--same_color=0.5\n--steps=7\n")
    assert workdir.read_config() == Config(steps=7)
