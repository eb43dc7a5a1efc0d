from .estimation import compare as compare
from .estimation import estimate as estimate
from .intervals import GroupedValues as GroupedValues
from .labels import TaskInformation as TaskInformation
from .labels import task_information as task_information
from .results import Comparison as Comparison
from .results import Estimate as Estimate
from .results import ModelResult as ModelResult
