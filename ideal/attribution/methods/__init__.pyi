from ._contract import Fit as Fit
from ._contract import Method as Method
from .members import METHODS as METHODS
