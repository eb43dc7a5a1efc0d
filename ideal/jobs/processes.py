"""Several processes, on one machine or many, that do one piece of work together: networks are trained on all their devices.

Each process runs the same command with the same data. A minibatch is cut along all devices of all of them; the first process
writes and prints, and where they have to agree its word counts.
"""

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ideal.errors import UsageError

AUTO = "auto"
_SPELLED = re.compile(r"(?P<address>[^,\s]+:\d+),(?P<count>\d+),(?P<number>\d+)")
_joined: list[tuple[int, int]] = []  # number and count of this process, once it has joined


def join_processes(spelled: str = AUTO, environment: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """Join the processes that work together; each calls this before it computes anything.

    Args:
        spelled: "auto" for what Slurm, Open MPI or Kubernetes say in the environment (`srun -n 4 ideal estimate ...`), or
            "HOST:PORT,COUNT,NUMBER": an address of the first process that all reach, how many there are, and which one this is,
            from 0.
        environment: variables by name.

    Returns:
        The number of this process, from 0, and how many there are.

    Raises:
        UsageError: the text is none of these, nothing in the environment says who the others are, or they cannot be reached.

    """
    if _joined:
        return _joined[0]
    import jax

    known: dict[str, Any] = {}
    if spelled != AUTO:
        found = _SPELLED.fullmatch(spelled)
        if found is None or int(found["number"]) >= int(found["count"]):
            raise UsageError(
                f"`processes={spelled}`: give auto, or HOST:PORT,COUNT,NUMBER with a number from 0 to COUNT - 1, as n1:8476,4,0"
            )
        known = {
            "coordinator_address": found["address"],
            "num_processes": int(found["count"]),
            "process_id": int(found["number"]),
        }
    elif int(environment.get("SLURM_NTASKS", "0") or 0) == 1:
        _joined.append((0, 1))  # Slurm was asked for one
        return _joined[0]
    try:
        jax.distributed.initialize(**known)
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(
            f"`processes={spelled}`: the processes cannot be joined ({reason}): start all of them, under srun, or name them as "
            "HOST:PORT,COUNT,NUMBER"
        ) from None
    _joined.append((jax.process_index(), jax.process_count()))
    return _joined[0]


def several() -> bool:
    """Tell whether this process works together with others."""
    return bool(_joined) and _joined[0][1] > 1


def is_first() -> bool:
    """Tell whether this process writes and prints: the first of several, or the only one."""
    return not _joined or _joined[0][0] == 0


def agreed(value: Any) -> Any:
    """Return what the first process has: arrays and numbers, in a tree that has the same shapes in all of them."""
    if not several():
        return value
    from jax.experimental.multihost_utils import broadcast_one_to_all

    return broadcast_one_to_all(value, is_source=is_first())


def agreed_truth(value: bool) -> bool:
    """Return whether it is so for the first process."""
    return bool(np.asarray(agreed(np.asarray(value, np.int32))))
