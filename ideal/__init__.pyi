from . import calibration as calibration
from . import cameras as cameras
from . import datasets as datasets
from . import decoders as decoders
from . import density as density
from . import errors as errors
from . import formats as formats
from . import health as health
from . import imaging as imaging
from . import information as information
from . import measurements as measurements
from . import noise as noise
from . import optimize as optimize
from . import plots as plots
from . import records as records
from . import registry as registry
from . import reports as reports
from . import runs as runs
from . import simulation as simulation
from . import studies as studies
from .cameras import Camera as Camera
from .cameras import calibrate as calibrate
from .cameras import read_camera as read_camera
from .formats.writer import MeasurementWriter as MeasurementWriter
from .formats.writer import write_measurements as write_measurements
from .information import compare as compare
from .information import estimate as estimate
from .information import rank as rank
from .measurements import from_arrays as from_arrays
from .measurements import open_measurements as open_measurements
from .optimize.runs import choose as choose
from .optimize.runs import design as design
from .reports import report as report
from .runs.estimation import estimate_files as estimate_files
from .simulation import simulate as simulate

open = open_measurements
__version__: str
