"""What methods that probe before they run have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from isospike.methods.method import Method
from isospike.methods.parts import Parts, ProbingStreaming
from isospike.methods.schedule import Schedule
from isospike.methods.streaming import ScaledMethod
from isospike.neurons import Probing
from isospike.options import Count


@dataclass(frozen=True, kw_only=True)
class ProbingMethod(ScaledMethod):
    """IF neurons that probe for some steps, which count in T, and whose answer comes from the steps after them."""

    needs: ClassVar[str] = "calibration images; made for networks trained with QCFS; a T above the probing steps"
    kind: ClassVar[type[Probing]]
    """The neurons."""

    probe: Count = 4
    """Probing steps rho; T steps in all leave T - rho."""

    def for_steps(self, steps: Sequence[int]) -> tuple[tuple[Method, tuple[int, ...]], ...]:
        """The steps behind the probe."""
        behind = tuple(at for at in steps if at > self.probe)
        return ((self, behind),) if behind or not steps else ()

    def steps_needed(self) -> str:
        """More than the probe."""
        return f"it needs more than {self.probe} steps, the probe"

    def parts(self) -> Parts:
        """Learned or calibrated scale, probing neurons."""
        policy = ProbingStreaming(v_init=self.v_init, pooling=self.pooling, probing=self.kind, probe_steps=self.probe)
        return Parts(self._rule(), policy, schedule=Schedule(self.delay, self.probe))
