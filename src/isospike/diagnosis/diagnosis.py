"""What a diagnosis found, as plain data."""

from __future__ import annotations

from dataclasses import dataclass

from isospike.diagnosis.site import SiteDiagnosis, site_table
from isospike.messages import counted
from isospike.results import IfKnown, Inner, Result, Stored, derived
from isospike.tables import Table, Tabular
from isospike.tasks import Interval, Measure, Measured, TaskObject


@dataclass(frozen=True)
class WorstSite(Stored):
    """A site that loses much, in words."""

    site: str
    reason: str
    advice: str


@dataclass(frozen=True)
class Fault(Stored):
    """Something in the network that is not what the model asks for."""

    name: str
    """The op or site."""
    fault: str
    advice: str


@dataclass(frozen=True)
class Diagnosis(Tabular, Result):
    """Where a spiking network loses against the model that it was converted from, and what to try."""

    method: str
    steps: int
    images: int
    task: IfKnown[TaskObject]
    """What the answers are for: ``name`` and ``options`` of the task."""
    metric: str
    """``score`` where the data have targets, else ``agreement`` with the model."""
    measured: Inner[Measured]
    """The network's figure by this metric."""
    ann: IfKnown[Measured]
    """The model's; without targets that of equal answers."""
    sites: tuple[SiteDiagnosis, ...]
    """In order of execution."""
    worst: tuple[WorstSite, ...]
    """The three sites, or fewer, that lose most; the worst first."""
    faults: tuple[Fault, ...]
    """Empty for a network that is what its method makes of the model."""
    verdict: str
    """All of it in one or two sentences."""

    def table(self) -> Table:
        """All numbers of every site; above it the faults, below it the sites that lose most, scores and the verdict."""
        title = self.headed(f"{self.method}, T={self.steps}, {counted(self.images, 'image')}")
        return site_table(title, [site.to_dict() for site in self.sites], "\n".join(self.remarks()))

    def headed(self, title: str) -> str:
        """A title below the faults, which explain everything else, a line for each."""
        return "\n".join([*(f"fault: {fault.fault}; {fault.advice}" for fault in self.faults), title])

    def remarks(self) -> tuple[str, ...]:
        """The sites that lose most, the scores and the verdict, a line for each."""
        measure = self.measured.measure
        ann = f", the ANN {self.ann}" if self.metric == "score" else ""
        return (
            *(f"{site.site}: {site.reason}; {site.advice}" for site in self.worst),
            f"{measure.short}: the network {self.measured}{ann} ({measure.interval})",
            self.verdict,
        )

    @property
    @derived()
    def measure(self) -> IfKnown[Measure]:
        """What the figure means."""
        return self.measured.measure

    @property
    @derived()
    def value(self) -> IfKnown[float]:
        """The network's figure."""
        return self.measured.value

    @property
    @derived()
    def interval(self) -> IfKnown[Interval | None]:
        """Its interval of 95 %."""
        return self.measured.interval
