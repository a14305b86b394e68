"""What methods that probe before they run have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from isospike.calibrate.batches import Batches
from isospike.capture.graph import Graph
from isospike.methods.method import Method
from isospike.methods.parts import Parts, ProbingStreaming
from isospike.methods.streaming import ScaledMethod
from isospike.network import ReadOut
from isospike.neurons import Probing


@dataclass(frozen=True, kw_only=True)
class ProbingMethod(ScaledMethod):
    """IF neurons that probe for some steps, which count in T, and whose answer comes from the steps after them."""

    needs: ClassVar[str] = "calibration images; made for networks trained with QCFS; a T above the probing steps"
    kind: ClassVar[type[Probing]]
    """The neurons."""

    v_init: float | None = None
    probe: int = 4
    """Probing steps rho; T steps in all leave T - rho."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        self._require_whole("probe", 1)

    def for_steps(self, steps: Sequence[int]) -> tuple[tuple[Method, tuple[int, ...]], ...]:
        """The steps behind the probe."""
        behind = tuple(at for at in steps if at > self.probe)
        return ((self, behind),) if behind or not steps else ()

    def parts(self) -> Parts:
        """Learned or calibrated scale, probing neurons."""
        policy = ProbingStreaming(v_init=self.v_init, pooling=self.pooling, probing=self.kind, probe_steps=self.probe)
        return Parts(self._rule(), policy)

    def read_out(self, graph: Graph, batches: Batches) -> ReadOut:
        """The mean over the steps after the probe, and after the delay."""
        plain = super().read_out(graph, batches)
        return ReadOut(plain.delay, plain.window, probe=self.probe)
