from .estimation import task_information as task_information
from .results import PosteriorResult as PosteriorResult
from .results import TaskInformation as TaskInformation
