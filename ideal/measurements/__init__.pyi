from .measurement_set import MeasurementSet as MeasurementSet
from .measurement_set import MeasurementWriter as MeasurementWriter
from .measurement_set import from_arrays as from_arrays
from .measurement_set import open_measurements as open_measurements
from .measurement_set import write_measurements as write_measurements
from .patches import Fold as Fold
from .patches import Patches as Patches
from .patches import split_by_group as split_by_group
