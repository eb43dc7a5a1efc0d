"""Measure how much information an imaging system's raw measurements carry, and design it to carry more."""

from ideal import _runtime

_runtime.configure()
