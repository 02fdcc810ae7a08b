"""Every method, in less than a minute each, gets better than what it began with."""

import json
from pathlib import Path

import pytest

from cv_tf import choices
from cv_tf.compare import settings_of

pytestmark = [pytest.mark.slow, pytest.mark.integration]

ROOT = Path(__file__).parents[1]
# They count every variant of each product, so that chance has less of a say in them.
FIGURES = ("map_at_r", "map_at_r_in_block")


# On random crops, it forgets more than it learns in so few steps.
OTHERWISE = {"hm_simsiam": ("--views=parts", "--keep_background")}


@pytest.fixture(scope="module")
def recipes(run_process, tmp_path_factory):
    """The rows of the table of `configs/compare.cfg`."""
    flagfile = f"--flagfile={ROOT}/configs/compare.cfg"
    folder = tmp_path_factory.mktemp("compare")
    # The flagfile names them from where the README stands.
    paths = [ROOT / name for name in settings_of(["", flagfile]).config.configs]
    rows = []
    for flags in ((), *OTHERWISE.values()):
        configs = [str(path) for path in paths if OTHERWISE.get(path.stem, ()) == flags]
        workdir = folder / f"runs{''.join(flags)}"
        process = run_process(
            *("compare", flagfile, *flags, f"--configs={','.join(configs)}"),
            *(f"--workdir={workdir}", f"--data_dir={folder}", "--page=false"),
        )
        assert process.returncode == 0, process.stderr
        rows += json.loads((workdir / "table.json").read_text())["recipes"]
    return rows


def test_every_method_is_there(recipes):
    assert {recipe["method"] for recipe in recipes} == set(choices.METHODS)


def test_every_method_learns(recipes):
    means = {
        recipe["name"]: [recipe["figures"][name]["mean"] for name in FIGURES]
        for recipe in recipes
    }
    start = means.pop("hm_frozen")
    assert all(
        after > before
        for figures in means.values()
        for before, after in zip(start, figures, strict=True)
    ), f"{start} at first, then {means}"
