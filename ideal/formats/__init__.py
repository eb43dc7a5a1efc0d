"""Measurement files: our own HDF5, and what else is read."""

from ideal.formats._source import FORMAT, FORMAT_VERSION, NAMES, SampleArray, Source
from ideal.formats.axes import arrange, as_read
from ideal.formats.layout import check_layout
from ideal.formats.readers import open_source
from ideal.formats.recognition import FORMATS
from ideal.formats.writer import MeasurementWriter, write_measurements

__all__ = [
    "FORMAT",
    "FORMATS",
    "FORMAT_VERSION",
    "NAMES",
    "MeasurementWriter",
    "SampleArray",
    "Source",
    "arrange",
    "as_read",
    "check_layout",
    "open_source",
    "write_measurements",
]
