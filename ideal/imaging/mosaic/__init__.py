"""Sensors under a mosaic of colour filters."""
