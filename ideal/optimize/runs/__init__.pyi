from .choices.result import ChoiceResult as ChoiceResult
from .choices.run import choose as choose
from .designs.result import DesignResult as DesignResult
from .designs.run import design as design
from .plans import ChoicePlan as ChoicePlan
from .plans import DesignPlan as DesignPlan
