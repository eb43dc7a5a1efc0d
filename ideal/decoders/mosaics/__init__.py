"""Decoders of colour mosaics: demosaicking."""
