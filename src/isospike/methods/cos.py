"""Calibration of offset spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike.methods.method import register
from isospike.methods.probing import ProbingMethod
from isospike.neurons import OffsetShift, Probing


@register
@dataclass(frozen=True, kw_only=True)
class COS(ProbingMethod):
    """Neurons that a probe shows to send a spike too many or too few start that much lower or higher (Hao et al. 2023).

    Layer by layer: a layer probes on ``probe`` steps of its input, shifts its initial potentials, and runs; the next
    layer sees the corrected train. Made for networks trained with QCFS at few steps; the probing steps are part of T.
    A layer needs the whole train of the one before, so no state can be carried and no sample can leave early.
    """

    papers: ClassVar[tuple[str, ...]] = ("hao2023bridging",)
    kind: ClassVar[type[Probing]] = OffsetShift
