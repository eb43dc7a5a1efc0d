"""Which way there is to tell what sets of a system's members are worth, the fastest that is exact."""

from collections.abc import Sequence

import jax
import numpy as np

from ideal.errors import UsageError
from ideal.optimize._contract import Task
from ideal.optimize.objectives.closed_form import ClosedForm
from ideal.optimize.selection.image_sums import ImageSums
from ideal.optimize.selection.members import Members
from ideal.optimize.selection.set_value import ObjectiveValue, SetValue, pair_information


def find_set_value(members: Members, task: Task, fixed: Sequence[int] = ()) -> SetValue:
    """Return what sets of members are worth for a task, in closed form for Gaussian scenes.

    Sites of an interferometer, or whatever else measures in pairs, from one look at all pairs; LEDs, and whatever else has
    images that add, from one image for each member; other systems, and targets other than the whole scene, by the closed form
    of each set.

    Args:
        members: of the system.
        task: whose scenes and target count.
        fixed: numbers of those that always take part.

    Raises:
        UsageError: the objective does not suit the system, its noise or the target.
        DataError: the scenes do not vary.

    """
    system, everyone = members.system, members.params(np.ones(members.size))
    if system.pairs is not None and task.target is None:
        names = [members.names[number] for number in fixed]
        return pair_information(system, task.scenes, fixed=names, params=everyone)
    if task.target is None:
        try:
            return ImageSums(members, task)
        except UsageError:  # images do not add, or are too many
            pass
    with jax.enable_x64(True):
        objective = ClosedForm(task)
        return ObjectiveValue(objective, members.params, members.size, objective.start(everyone, None))
