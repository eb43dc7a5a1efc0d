"""What there is to say of a decoder: as JSON types, and as text and tables."""

from collections.abc import Mapping
from typing import Any

from ideal.decoders._contract import Decoder
from ideal.decoders.members import DECODERS
from ideal.imaging.facts import settings_facts, settings_table
from ideal.tables import Table, plain_table


def decoder_facts(kind: type[Decoder]) -> dict[str, Any]:
    """Return name, summary, what it serves and settings of a decoder, as JSON types."""
    return {
        "decoder": kind.name,
        "summary": kind.summary,
        "serves": kind.serves,
        "settings": settings_facts(kind()),
    }


def decoder_parts(facts: Mapping[str, Any]) -> list[str | Table]:
    """Return the facts of a decoder as text and a table of its settings."""
    told = f"{facts['decoder']}: {facts['summary']}\nserves: {facts['serves']}"
    return [told, settings_table(facts["settings"]) if facts["settings"] else f"no settings: --decoder {facts['decoder']}"]


def all_decoders() -> dict[str, dict[str, Any]]:
    """Return the facts of every decoder, by name."""
    return {name: decoder_facts(kind) for name, kind in DECODERS.items()}


def decoders_table(found: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return a table of decoders, of `all_decoders`."""
    rows = [(name, each["serves"], each["summary"]) for name, each in found.items()]
    return plain_table(("decoder", "what it serves", "what it does"), rows)
