"""Sensors under a mosaic of color filters."""
