"""What a diagnosis found, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from isospike.diagnosis.tables import site_table
from isospike.messages import counted
from isospike.tables import Table, Tabular
from isospike.tasks import Measured, plain_interval


@dataclass(frozen=True)
class SiteDiagnosis:
    """One neuron layer beside the activation of the model that it stands for.

    All errors are root mean squares over neurons and images, over the root mean square of the activations ``a`` (or as
    they are where these are all zero). With ``z`` the model's current, ``z'`` the mean current in the running network,
    ``s`` the mean output of the neurons in the running network, ``Q(x)`` their mean output for the constant current
    ``x``, and ``m`` the largest mean output that they have.
    """

    site: str
    clipping_error: float
    """Of ``min(a, m)`` from ``a``: what saturation costs, with the model's own currents."""
    quantisation_error: float
    """Of ``Q(z)`` from ``min(a, m)``: what a finite number of steps costs, with the model's own currents."""
    unevenness_error: float
    """Of ``s`` from ``Q(z')``: what the order of the currents costs, in the running network."""
    local_error: float
    """Of ``Q(z)`` from ``a``: clipping and quantisation together."""
    accumulated_error: float
    """Of ``s`` from ``a``: everything, the errors of the layers before included."""
    rate: float
    """Spikes per neuron and step."""
    silent_channels: int
    """Channels without any spike in the whole run."""
    saturated_channels: int
    """Channels that put out 95 % of ``m`` or more in most of the places where the model's activation is positive."""
    channels: int
    spectral_norm: float | None
    """Of the linear operator between the layer and what it reads; ``None`` where it reads the input alone."""
    bound: float | None
    """What `accumulated_error` cannot exceed: Theorem 1 of Bu et al. 2025, measured; see docs/diagnose.md."""
    model_bound: float | None
    """The same from what all layers do wrong by themselves: the errors before it are not measured but bounded in turn,
    so that each is amplified by the product of the spectral norms behind it."""
    regained: float
    """How much of the metric comes back when this layer is exact; below 0 where the network is worse then."""
    headroom: float | None
    """The bound of the neurons over the largest activation of the images, or over the ceiling of an activation that has
    one, by channel; a tenth of the channels have less. ``None`` for a layer that is never active."""


@dataclass(frozen=True)
class WorstSite:
    """A site that loses much, in words."""

    site: str
    reason: str
    advice: str


@dataclass(frozen=True)
class Fault:
    """Something in the network that is not what the model asks for."""

    name: str
    """The op or site."""
    fault: str
    advice: str


@dataclass(frozen=True)
class Diagnosis(Tabular):
    """Where a spiking network loses against the model that it was converted from, and what to try."""

    method: str
    steps: int
    images: int
    task: dict[str, Any]
    """What the answers are for: ``name`` and ``options`` of the task."""
    metric: str
    """``score`` where the data have targets, else ``agreement`` with the model."""
    measured: Measured
    """The network's figure by this metric."""
    ann: Measured
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
        return site_table(title, [asdict(site) for site in self.sites], "\n".join(self.remarks()))

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

    def to_dict(self) -> dict[str, Any]:
        """The documented JSON object of ``isospike diagnose --json``."""
        own = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        judged = {
            "measure": self.measured.measure.to_dict(),
            "value": self.measured.value,
            "interval": plain_interval(self.measured.interval),
            "ann": self.ann.to_dict(),
        }
        del own["measured"]
        return {**own, **judged}
