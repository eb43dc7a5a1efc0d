"""Decoders of color mosaics: demosaicking."""
