"""Progress of long work: plain lines where there is no terminal."""

import io
import sys

import pytest

from cv_tf import progress
from cv_tf.progress import Progress, spell_time


class Clock:
    """Seconds that pass when they are told to."""

    now = 100.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock():
    return Clock()


def test_quick_work_says_nothing(clock, capsys):
    with Progress("Embedding", 10, "photos", clock=clock) as bar:
        for _ in range(10):
            clock.now += 2.9
            bar.update()
    assert capsys.readouterr() == ("", "")


def test_a_line_every_half_minute_and_one_at_the_end(clock, capsys):
    with Progress("Embedding photos", 8096, "photos", clock=clock) as bar:
        for _ in range(4):
            clock.now += 10
            bar.update(400)
        first = capsys.readouterr().err
        clock.now += 29
        bar.update(400)
        clock.now += 120
        bar.update(6096)
        second = capsys.readouterr().err
    # After 30 seconds: 1,200 photos, 40 a second; 6,896 photos take 172.4 seconds.
    assert first == (
        "Embedding photos: 1,200 of 8,096 (14%), 40 photos/s, 3 min left\n"
    )
    assert second.count("\n") == 2
    assert capsys.readouterr().err == "Embedding photos: 8,096 done in 3 min\n"


def test_the_rate_is_that_of_late(clock, capsys):
    """The first step of a training takes much longer than the others."""
    bar = Progress("Training", 100, "steps", clock=clock)
    clock.now += 60
    bar.update(1)
    clock.now += 30
    bar.update(45, "loss 1.250")
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "Training: 1 of 100 (1%), 0.02 steps/s, 1 h 39 min left",
        "Training: 46 of 100 (46%), 1.5 steps/s, 36 s left, loss 1.250",
    ]


def test_what_was_done_before_does_not_count_as_speed(clock, capsys):
    bar = Progress("Embedding", 2000, "products", initial=1000, clock=clock)
    clock.now += 50
    bar.update(500)
    assert "1,500 of 2,000 (75%), 10 products/s, 50 s left" in capsys.readouterr().err


def test_an_unknown_total(clock, capsys):
    with Progress("Preparing drawn", unit="products", clock=clock) as bar:
        clock.now += 40
        bar.update(8)
    assert capsys.readouterr().err.splitlines() == [
        "Preparing drawn: 8, 0.20 products/s",
        "Preparing drawn: 8 done in 40 s",
    ]


def test_work_that_fails_is_not_done(clock, capsys):
    with pytest.raises(OSError, match="gone"), Progress("A", 9, clock=clock) as bar:
        clock.now += 31
        bar.update(3)
        raise OSError("gone")
    assert capsys.readouterr().err == "A: 3 of 9 (33%), 0.10/s, 62 s left\n"


def test_work_of_unknown_length_that_fails_is_not_done_either(clock, capsys):
    with pytest.raises(OSError, match="gone"), Progress("A", clock=clock):
        clock.now += 31
        raise OSError("gone")
    assert capsys.readouterr() == ("", "")


def test_a_daemon_that_has_closed_its_outputs(clock, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    with Progress("Embedding", 10, clock=clock) as bar:
        clock.now += 40
        bar.update(10)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys, "stdout", None)
    progress.say("Step 4")


@pytest.mark.parametrize("shown", [{"shown": False}, {"lines": False}])
def test_work_that_is_not_shown(shown, clock, capsys):
    with Progress("Embedding", 10, clock=clock, **shown) as bar:
        clock.now += 100
        bar.update(10)
    assert bar.done == 10
    assert capsys.readouterr() == ("", "")


def test_quiet(clock, capsys):
    with progress.quiet():
        assert progress.is_quiet()
        with Progress("Embedding", 10, clock=clock) as bar:
            clock.now += 100
            bar.update(10)
        progress.say("Step 4")
        with progress.quiet(False):
            progress.say("Step 5")
    assert not progress.is_quiet()
    assert capsys.readouterr() == ("Step 5\n", "")


def test_a_terminal_has_a_bar(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with Progress("Embedding", 10, "photos") as bar:
        bar.update(10, "loss 1.250")
    assert "Embedding: 100%" in terminal.getvalue()
    assert "10/10" in terminal.getvalue()
    assert "loss 1.250" in terminal.getvalue()
    assert "photos/s" in terminal.getvalue()


def test_a_terminal_has_no_bar_if_quiet(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with progress.quiet(), Progress("Embedding", 10) as bar:
        bar.update(10)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (89, "89 s"), (90, "2 min"), (5340, "89 min"), (5400, "1 h 30 min")],
)
def test_times_as_people_say_them(seconds, text):
    assert spell_time(seconds) == text


def test_a_bar_of_slow_work_has_no_blank_within_its_unit(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress("Training", 4, "steps") as bar:
        bar._bar.start_t -= 10
        bar.update()
    assert "s/steps" in terminal.getvalue()
    assert "s/ " not in terminal.getvalue()
