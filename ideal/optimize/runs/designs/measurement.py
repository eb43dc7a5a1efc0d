"""Fresh measurements by the designs of a run."""

from ideal.imaging import Params
from ideal.measurements.measurement_set import MeasurementSet
from ideal.optimize.evaluation import measured_by
from ideal.optimize.runs.plans import DesignPlan


def fresh_measurements(plan: DesignPlan, params: Params, name: str, count: int | None = None) -> MeasurementSet:
    """Return fresh measurements by one design.

    Args:
        plan: of the run.
        params: of the design.
        name: of the design: others draw other noise.
        count: of objects; None for all that no design was made for.

    """
    part, simulation = plan.division.measure, plan.simulation
    part = part.read(0, count or part.count)
    return measured_by(plan.system, params, simulation.noise, part, simulation.exposure, plan.request.seed, name)
