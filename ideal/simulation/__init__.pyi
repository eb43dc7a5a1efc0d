from .simulate import DEFAULT_PHOTONS as DEFAULT_PHOTONS
from .simulate import Block as Block
from .simulate import Objects as Objects
from .simulate import ObjectSource as ObjectSource
from .simulate import Simulation as Simulation
from .simulate import check_count as check_count
from .simulate import prepare as prepare
