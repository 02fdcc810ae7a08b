"""What a comparison can be asked for."""

import pytest

from cv_tf.comparison import CompareConfig
from cv_tf.settings import ConfigError


def settings(**changed) -> CompareConfig:
    return CompareConfig(**{"configs": ("a.cfg",), "workdir": "runs/a"} | changed)


def test_three_seeds_and_a_page_unless_asked_otherwise():
    assert settings().seed_numbers == (0, 1, 2)
    assert settings().page
    assert settings().images == 0


def test_seeds_are_numbers():
    assert settings(seeds=("7", "010")).seed_numbers == (7, 10)
    assert settings(seeds=(7, 0)).seeds == ("7", "0")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"configs": ()}, "--configs names no recipe"),
        ({"configs": ("a.cfg", "")}, "has an empty entry"),
        ({"workdir": ""}, "--workdir is not set"),
        ({"seeds": ()}, "--seeds= must be numbers"),
        ({"seeds": ("0", "one")}, "--seeds=0,one must be numbers"),
        ({"seeds": ("-1",)}, "--seeds=-1 must be numbers from 0 to 2147483647"),
        ({"seeds": ("2147483648",)}, "must be numbers from 0"),
        ({"seeds": ("1", "0", "01")}, "names a seed twice"),
        ({"images": -1}, "--images=-1 must be 0 or more"),
    ],
)
def test_what_cannot_be_used_is_named(changed, message):
    with pytest.raises(ConfigError, match=message):
        settings(**changed)
