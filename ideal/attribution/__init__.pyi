from . import games as games
from . import transforms as transforms
from .indices import INDICES as INDICES
from .indices import index_terms as index_terms
from .sparse import SparseFunction as SparseFunction
