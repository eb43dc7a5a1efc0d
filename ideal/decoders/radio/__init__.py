"""Decoders of visibilities."""
