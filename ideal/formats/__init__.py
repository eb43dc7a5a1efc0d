"""Measurement files: our own HDF5, and what else is read."""

from ideal.formats._source import FORMAT, FORMAT_VERSION, NAMES, SampleArray, Source
from ideal.formats.readers import open_source
from ideal.formats.writer import MeasurementWriter, write_measurements

__all__ = ["FORMAT", "FORMAT_VERSION", "NAMES", "MeasurementWriter", "SampleArray", "Source", "open_source", "write_measurements"]
