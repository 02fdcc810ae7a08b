"""The campaign of faults: what it draws, what it takes for equal, and a small run."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def _modules(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def test_damage_is_drawn_from_its_number():
    from fault_inputs import mutated  # noqa: PLC0415 (on the path within a test)

    content = b"product_id,image\na,b.jpg\n" * 9
    drawn = [mutated(content, random.Random(number)) for number in range(60)]
    again = [mutated(content, random.Random(number)) for number in range(60)]
    assert drawn == again
    assert len(set(drawn)) > 40
    assert sum(it == content for it in drawn) < 10
    for number in range(60):
        mutated(b"", random.Random(number))


def test_a_case_spells_its_kills():
    from fault_kills import Moment, parse  # noqa: PLC0415

    job, moments = parse("group:rename:2+time:0.25")
    assert job.name == "group"
    assert moments == [Moment("rename", 2), Moment("time", 0.25)]
    assert "+".join(map(str, moments)) == "rename:2+time:0.25"


def test_digests_see_the_content_alone(tmp_path):
    from fault_digests import digests, listing  # noqa: PLC0415

    for name, cost in (("one", 1.5), ("other", 2.5)):
        folder = tmp_path / name
        (folder / "run").mkdir(parents=True)
        figures = {"after": {"fms": 0.5}, "training": {"seconds": cost}}
        (folder / "run" / "metrics.json").write_text(json.dumps(figures))
        (folder / "groups.csv").write_text(f"{folder}/a.jpg\n")
    outputs = ("run/metrics.json", "groups.csv", "none")
    one, other = (digests(tmp_path / name, outputs) for name in ("one", "other"))
    assert one == other
    assert one["none"] == ""
    (tmp_path / "one" / "groups.csv").write_text("b.jpg\n")
    assert digests(tmp_path / "one", outputs) != other
    assert listing(tmp_path / "one") == ["groups.csv", "run", "run/metrics.json"]


def campaign(folder: Path, *flags: str) -> subprocess.CompletedProcess:
    if sys.platform != "linux" or not shutil.which("gcc"):
        pytest.skip("faults are made by a library of C: Linux and gcc are missing")
    command = [sys.executable, str(BENCHMARKS / "faults.py"), *flags]
    command.append(f"--output={folder / 'faults.md'}")
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.integration
@pytest.mark.slow
def test_a_case_is_repeated(tmp_path):
    done = campaign(tmp_path, "--only=kills", "--case=index_exact:rename:1")
    assert (done.returncode, done.stdout) == (0, "1 tried\n"), done.stderr


@pytest.mark.integration
@pytest.mark.slow
def test_a_small_campaign_finds_nothing(tmp_path):
    """Of all kinds but the workers, which tests/training kills."""
    kinds = "kills,disks,inputs,photos,tampered,together,clock"
    done = campaign(tmp_path, f"--only={kinds}", "--scale=0.02")
    table = (tmp_path / "faults.md").read_text()
    assert done.returncode == 0, table
    assert "| kills | train | 2 | 2 | 0 |" in table
    assert json.loads((tmp_path / "faults.json").read_text()) == []
