from ._contract import Game as Game
from .functions import CommandGame as CommandGame
from .functions import FunctionGame as FunctionGame
from .functions import read_function as read_function
from .keeping import Kept as Kept
from .tables import TableGame as TableGame
from .tables import UnknownSetsError as UnknownSetsError
