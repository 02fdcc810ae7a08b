import json
import re
import subprocess
from pathlib import Path

import pytest

from cv_tf import workers


@pytest.fixture
def tf_config(monkeypatch):
    """A function that sets TF_CONFIG."""

    def set_config(task, addresses=("one:1", "two:2", "three:3")):
        value = {"cluster": {"worker": list(addresses)}, "task": task}
        monkeypatch.setenv("TF_CONFIG", json.dumps(value))

    return set_config


def test_a_worker_knows_its_place(tf_config):
    tf_config({"type": "worker", "index": 2})
    assert workers.are_set()
    assert workers.read() == (3, 2)


def test_kubernetes_passes_the_index_as_text(tf_config):
    tf_config({"type": "worker", "index": "1"})
    assert workers.read().task_index == 1


def test_without_the_variable_the_error_shows_one(monkeypatch):
    for value in (None, "", " "):
        monkeypatch.delenv("TF_CONFIG", raising=False)
        if value is not None:
            monkeypatch.setenv("TF_CONFIG", value)
        assert not workers.are_set()
        with pytest.raises(ValueError, match=r'TF_CONFIG is not set.*"worker"'):
            workers.read()


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"cluster": {}}', '{"task": 3}', '{"task": 1, "task": 2}']
    + [
        f'{{"cluster": {{"worker": {addresses}}}, "task": {task}}}'
        for addresses, task in (
            ('"host"', '{"type": "worker", "index": 0}'),
            ("[1]", '{"type": "worker", "index": 0}'),
            ('["a:1"]', '{"type": "worker", "index": 1e999}'),
            ('["a:1"]', '{"type": "worker", "index": [0]}'),
        )
    ],
)
def test_what_cannot_be_read_is_shown(monkeypatch, text):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ValueError, match="Expected is JSON like") as error:
        workers.read()
    assert repr(text) in str(error.value)


@pytest.mark.parametrize(
    "task", [{"type": "worker", "index": 3}, {"type": "chief", "index": 0}]
)
def test_all_are_workers_and_numbered(tf_config, task):
    tf_config(task)
    with pytest.raises(ValueError, match="numbered from 0 to 2"):
        workers.read()


@pytest.mark.integration
def test_the_manifest_for_kubernetes_sets_it(monkeypatch):
    manifest = (Path(__file__).parents[1] / "docs" / "kubernetes.yaml").read_text()
    script = re.search(r"export TF_CONFIG=.*?(?=exec )", manifest, re.DOTALL)[0]
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "2")
    shell = subprocess.run(
        ["/bin/sh", "-c", f'{script}\nprintf %s "$TF_CONFIG"'],
        capture_output=True,
        text=True,
        check=True,
    )
    monkeypatch.setenv("TF_CONFIG", shell.stdout)
    assert workers.read() == (4, 2)
