import os
import subprocess
import sys
from importlib.metadata import version

import pytest
import tensorflow as tf
import tf_keras as keras
from few import few

import cv_tf

pytestmark = pytest.mark.integration  # Importing is done in processes.

# What loading takes seconds of.
HEAVY = ("tensorflow", "tf_keras", "keras", "keras_cv", "scann", "sklearn", "scipy")

# Runs code, and names what is loaded in the end, whatever happened.
RUN = """
import runpy, sys
try:
    {code}
finally:
    print("loaded:", *(name for name in {heavy} if name in sys.modules))
"""


def _run(code, **environment):
    inherited = {k: v for k, v in os.environ.items() if k != "TF_USE_LEGACY_KERAS"}
    return subprocess.run(
        [sys.executable, "-c", RUN.format(code=code, heavy=HEAVY)],
        capture_output=True,
        text=True,
        check=False,
        env={**inherited, **environment},
    )


def _verb(name, *arguments):
    argv = [name, *map(str, arguments)]
    return _run(
        f"sys.argv = {argv}; "
        f"runpy.run_module('cv_tf.{name}', run_name='__main__', alter_sys=True)"
    )


@pytest.mark.parametrize(
    "module",
    [
        *("", ".choices", ".config", ".command", ".catalog", ".shards", ".embeddings"),
        ".answers",
        *(".train", ".evaluate", ".compare", ".embed", ".group", ".search", ".review"),
        *(".inspect", ".comparison", ".inspection", ".report"),
        *(".benchmark", ".benchmarking"),
        *(".export", ".deployment"),
    ],
)
def test_importing_costs_nothing(module):
    finished = _run(f"import cv_tf{module}")
    assert (finished.returncode, finished.stderr) == (0, "")
    assert finished.stdout == "loaded:\n"


@pytest.mark.parametrize(
    ("verb", "flag"),
    [
        ("train", "--backbone=efficientnetlite_b0"),
        ("evaluate", "--backbone=efficientnetlite_b0"),
        ("compare", "--seeds=0,1,2"),
        ("embed", "--shard_size=1024"),
        ("group", "--threshold=auto"),
        ("search", "--neighbors=10"),
        ("review", "--port=8770"),
        ("inspect", "--views_each=4"),
        ("export", "--precision=float32"),
        ("benchmark", "--dataset=hm_personalized_fashion/variants"),
    ],
)
def test_help_comes_without_tensorflow(verb, flag):
    finished = _verb(verb, "--help=all")
    assert finished.returncode == 0
    assert f"    cv_tf {verb} " in finished.stdout
    assert f"{flag}\n" in finished.stdout
    assert finished.stdout.endswith("loaded:\n")


@pytest.mark.parametrize("verb", ["train", "evaluate"])
@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--backbon=tiny", "Did you mean: backbone"),
        ("--backbone=huge", "--backbone=huge is not one of: efficientnetlite_b0,"),
        ("--steps=few", "--steps=few"),
    ],
)
def test_wrong_flags_are_told_without_tensorflow(verb, flag, message):
    finished = _verb(verb, flag)
    assert finished.returncode == 2
    assert message in finished.stderr
    assert finished.stdout == "loaded:\n"


@pytest.mark.parametrize(
    "verb", ["embed", "group", "update", "search", "inspect", "benchmark"]
)
def test_wrong_flags_of_other_verbs_are_told_without_tensorflow(verb):
    finished = _verb(verb, "--outpt=x.parquet")
    assert finished.returncode == 2
    assert "Did you mean: output" in finished.stderr
    assert finished.stdout == "loaded:\n"


def test_wrong_tables_are_told_without_tensorflow(tmp_path):
    table = tmp_path / "catalog.csv"
    table.write_text("product_id,shot\nA,a\n")
    finished = _verb("train", f"--catalog={table}", f"--workdir={tmp_path / 'run'}")
    assert finished.returncode == 1
    assert finished.stderr.startswith("Failed: ")
    assert "image" in finished.stderr
    assert finished.stdout == "loaded:\n"


def test_tensorflow_is_asked_for_keras_2_and_for_silence():
    finished = _run(
        "import os, cv_tf; "
        "print(os.environ['TF_USE_LEGACY_KERAS'], os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    )
    assert finished.stdout == "1 3\nloaded:\n"


def test_the_level_of_logs_that_a_user_has_set_stays():
    finished = _run(
        "import os, cv_tf; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])",
        TF_CPP_MIN_LOG_LEVEL="0",
    )
    assert finished.stdout == "0\nloaded:\n"


KERAS_3 = "import types; m = types.ModuleType('keras'); m.__version__ = '3.15.0'; "
KERAS_2 = KERAS_3.replace("3.15.0", "2.15.0")
LOADED = "sys.modules['keras'] = m; import cv_tf; print('imported')"


def test_keras_3_that_came_first_is_refused_with_a_way_out():
    finished = _run(KERAS_3 + LOADED)
    assert finished.returncode == 1
    assert "ImportError: cv_tf needs the Keras 2 API (tf_keras)" in finished.stderr
    assert "Keras 3.15.0 was imported before cv_tf" in finished.stderr
    assert "Import cv_tf first" in finished.stderr


def test_keras_3_beside_a_tensorflow_that_uses_keras_2_is_fine():
    finished = _run(KERAS_3 + LOADED, TF_USE_LEGACY_KERAS="1")
    assert finished.stdout.startswith("imported\n")


def test_keras_2_that_came_first_is_fine():
    assert _run(KERAS_2 + LOADED).stdout.startswith("imported\n")


def test_asking_for_keras_3_is_refused_with_a_way_out():
    finished = _run("import cv_tf", TF_USE_LEGACY_KERAS="0")
    assert finished.returncode == 1
    assert "TF_USE_LEGACY_KERAS='0' asks TensorFlow for Keras 3" in finished.stderr
    assert "Unset it, or set it to 1" in finished.stderr


def test_tensorflow_itself_then_has_keras_2():
    assert tf.keras.Model is keras.Model


def test_the_version_is_that_of_the_installed_package():
    assert cv_tf.__version__ == version("cv_tf")


@pytest.mark.parametrize(
    ("verb", "flags"),
    few(
        ("train", ("--workdir=run", "--catalog=nowhere.csv")),
        ("search", ("--embeddings=nowhere.parquet", "--product_id=A")),
        ("prepare", ("--dataset=nothing",)),
        more=[
            ("evaluate", ("--method=frozen", "--catalog=nowhere.csv")),
            ("compare", ("--workdir=run", "--configs=nowhere.cfg")),
            ("embed", ("--workdir=nowhere", "--output=a.parquet")),
            ("group", ("--embeddings=nowhere.parquet", "--output=a.csv")),
            ("update", ("--workdir=nowhere", "--catalog=nowhere.csv")),
            ("review", ("--embeddings=nowhere", "--groups=a.csv", "--answers=a.db")),
            ("inspect", ("--catalog=nowhere.csv", "--output=a.html")),
            ("export", ("--workdir=nowhere", "--output=a")),
            ("benchmark", ("--embeddings=nowhere.parquet",)),
        ],
    ),
)
def test_a_process_of_each_verb_fails_in_plain_words(
    verb, flags, run_process, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    process = run_process(verb, *flags)
    assert (process.returncode, process.stdout) == (1, ""), process.stderr
    assert process.stderr.startswith("Failed: ")
    assert "Traceback" not in process.stderr
    assert list(tmp_path.iterdir()) == []
