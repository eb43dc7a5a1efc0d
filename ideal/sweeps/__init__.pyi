from .axes import Axis as Axis
from .axes import Point as Point
from .call import run_sweep as run_sweep
from .call import sweep as sweep
from .plan import SweepPlan as SweepPlan
from .request import SweepRequest as SweepRequest
from .request import read_request as read_request
from .results import Sweep as Sweep
