"""What there is to know of a decoder, as JSON types."""

from typing import Any

from ideal.decoders._contract import Decoder
from ideal.imaging.facts import settings_facts


def decoder_facts(kind: type[Decoder]) -> dict[str, Any]:
    """Return name, summary, what it serves and settings of a decoder, as JSON types."""
    return {
        "decoder": kind.name,
        "summary": kind.summary,
        "serves": kind.serves,
        "settings": settings_facts(kind()),
    }
