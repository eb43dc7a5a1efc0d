"""The line of progress on a terminal."""

import io
import re

import pytest
from rich.console import Console

from ideal.cli._progress import shown_progress
from ideal.progress import with_time_left


def seen(console, *steps):
    with shown_progress(console) as say:
        frames = []
        for step in steps:
            say(*step)
            console.file.truncate(0)
            console.file.seek(0)
            # What a refresh would draw now: rich refreshes in a thread of its own ten times a second.
            for live in console._live_stack:
                live.refresh()
            frames.append(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", console.file.getvalue()).strip())
    return frames


@pytest.fixture
def console():
    return Console(file=io.StringIO(), force_terminal=True, width=80, _environ={})


def test_a_bar_where_the_fraction_is_known_and_a_spinner_elsewhere(console):
    steps = ("a.h5: full on 60 patches", None), ("a.h5: causal-mixture", 0.5), ("a.h5: pixel-cnn", None)
    first, half, after = seen(console, *steps)
    assert "a.h5: full on 60 patches" in first
    assert "%" not in first
    assert "a.h5: causal-mixture" in half
    assert "50%" in half
    assert "━" in half
    assert "%" not in after
    assert all(re.search(r"\d:\d\d:\d\d", frame) for frame in (first, half, after))


def test_of_a_long_text_the_end_stays(console):
    (frame,) = seen(console, ("a/long/path/" * 10 + "a.h5, fold 1 of 5: causal-mixture, 0.6625 bits/pixel", 0.25))
    assert "0.6625 bits/pixel" in frame
    assert "25%" in frame
    assert "\n" not in frame
    assert len(frame) <= 80


def test_brackets_in_a_name_are_no_markup(console):
    assert "[red]a.h5" in seen(console, ("[red]a.h5: full", None))[0]


def test_how_long_the_rest_takes_is_told_from_what_is_done(monkeypatch):
    clock = iter([0.0, 10.0, 20.0, 30.0, 40.0])
    monkeypatch.setattr("ideal.progress.time.monotonic", lambda: next(clock))
    said = []
    say = with_time_left(lambda text, fraction=None: said.append((text, fraction)))
    for fraction in (0.2, 0.4, None, 0.0, 0.01):
        say("step", fraction)
    assert said[0] == ("step", 0.2)
    assert said[1] == ("step, about 30 s left", 0.4)  # a fifth took 10 s
    assert said[2:4] == [("step", None), ("step", 0.0)]  # another stage begins
    assert said[4] == ("step, about 16 min left", 0.01)
