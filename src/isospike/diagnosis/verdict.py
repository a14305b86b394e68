"""A diagnosis in one or two sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isospike.diagnosis.diagnosis import Fault, WorstSite
from isospike.diagnosis.site import SiteDiagnosis
from isospike.messages import counted
from isospike.tasks import Measured


def verdict_of(
    measured: Measured,
    steps: int,
    faults: Sequence[Fault],
    *,
    worst: Sequence[WorstSite],
    sites: Mapping[str, SiteDiagnosis],
) -> str:
    """What matters most.

    Args:
        measured: the network's figure.
        steps: number of steps.
        faults: of the network.
        worst: the sites that lose most.
        sites: figures by site.
    """
    measure = measured.measure
    state = f"{measure.name} of the network: {measure.shown(measured.value)} after {counted(steps, 'step')}"
    if faults:
        more = f", and {counted(len(faults) - 1, 'more fault')}" if len(faults) > 1 else ""
        return f"{state}, and it is not what the model asks for: {faults[0].fault}{more}. Mend that first."
    if not worst:
        return f"{state}. Making a single site exact gives nothing back."
    first = worst[0]
    regained = sites[first.site].regained
    back = (
        f"gives back {measure.factor * regained:.{measure.digits}f} {measure.points}"
        if regained > 0
        else "brings the outputs nearest to the model's"
    )
    return f"{state}. Making {first.site} exact {back} ({first.reason.partition(':')[0]}); {first.advice}."
