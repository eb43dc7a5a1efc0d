"""Microscopes whose object is lit by an array of LEDs."""
