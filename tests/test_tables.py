"""The one table model: what a terminal of any width shows of it."""

import pytest

from ideal.tables import Bar, Cell, Column, Table

TABLE = Table(
    "Files",
    (
        Column("file"),
        Column("bits/pixel", "number"),
        Column("95 % interval", "interval"),
        Column("", "bar"),
        Column("model", spare=1),
        Column("measurement of", spare=2),
    ),
    [
        ("a.h5", "−0.250", Cell("−0.300 to −0.200", "light"), Cell(bar=Bar(1.0)), "full", "8x8 pixels"),
        ("a-rather-long-name-of-a-file-that-goes-on.h5", "1.000", "–", "", "causal-mixture", "16x16 pixels"),
    ],
    frozenset({0}),
)


def titles(width):
    return TABLE.to_text(width).splitlines()[0].split("  ")


def test_a_wide_terminal_shows_all_but_bars():
    lines = TABLE.to_text(160).splitlines()
    assert "model" in lines[0]
    assert "measurement of" in lines[0]
    assert lines[1].split() == ["a.h5", "-0.250", "-0.300", "to", "-0.200", "full", "8x8", "pixels"]
    assert len(lines) == 3


def test_programs_read_numbers_in_ascii():
    assert TABLE.to_text().isascii()


@pytest.mark.parametrize("width", range(50, 160, 5))
def test_columns_that_have_no_room_go_one_by_one(width):
    text = TABLE.to_text(width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "…" not in text
    assert "-0.300 to -0.200" in text
    assert ("measurement of" not in text) or ("model" in text)  # the largest number goes first
    assert TABLE.room(width) == width


def test_no_line_ends_in_blanks():
    assert all(line == line.rstrip() for line in TABLE.to_text(160).splitlines())


def test_what_cannot_shrink_is_wider_than_the_terminal():
    assert TABLE.room(20) > 20
    assert "-0.300 to -0.200" in TABLE.to_text(20)


def test_markup_of_users_is_text():
    table = Table("", (Column("file"),), [("[red]a.h5[/red]",)])
    assert "[red]a.h5[/red]" in table.to_text(80)
