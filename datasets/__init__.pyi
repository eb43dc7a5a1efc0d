from ._contract import Objects as Objects
from ._contract import ObjectSet as ObjectSet
from ._contract import ObjectSource as ObjectSource
from .members import OBJECTS as OBJECTS
from .members import as_object_set as as_object_set
from .members import find_objects as find_objects
from .members import make_objects as make_objects
