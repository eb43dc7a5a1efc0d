"""Progress of the library: who is told, and when there is a bar."""

import io
import sys
from contextlib import contextmanager

from ideal import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_function_is_told_itself():
    said = []
    with progress.shown(lambda text, fraction=None: said.append((text, fraction))) as say:
        say("a", 0.5)
        say("b")
    assert said == [("a", 0.5), ("b", None)]


def test_a_context_manager_is_entered_and_left():
    events = []

    @contextmanager
    def lines():
        events.append("begun")
        yield lambda text, fraction=None: events.append(text)
        events.append("ended")

    with progress.shown(lines()) as say:
        say("a")
    assert events == ["begun", "a", "ended"]


def test_nobody_looks_on_without_a_terminal(monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(sys, "stderr", file)
    for kind in (None, False):
        with progress.shown(kind) as say:
            say("a", 0.5)
    assert file.getvalue() == ""


def test_a_terminal_has_a_bar_that_goes_in_the_end(monkeypatch):
    file = Terminal()
    monkeypatch.setattr(sys, "stderr", file)
    with progress.shown() as say:
        say("a.h5: full", None)
        say("a.h5: causal-mixture", 0.5)
        assert "a.h5: causal-mixture" in file.getvalue()
        assert " 50%" in file.getvalue()
        say("b.h5", 0.25)
    assert file.getvalue().rpartition("\r")[0].rstrip("\r").endswith(" ")
    with progress.shown(False) as say:
        assert say is progress.silent
