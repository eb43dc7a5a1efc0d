from .calibration import calibrate as calibrate
from .camera import Camera as Camera
from .files import as_camera as as_camera
from .files import read_camera as read_camera
from .quantity import Quantity as Quantity
from .simulator import Sensor as Sensor
from .simulator import SimulatedFrames as SimulatedFrames
from .simulator import simulate_frames as simulate_frames
