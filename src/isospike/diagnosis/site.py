"""What a diagnosis found at one site, and the table of all sites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from isospike.results import IfKnown, Shown, Stored, columns_of
from isospike.tables import Table

NOTE = (
    "Errors are root mean squares over that of the ANN's activations. Clipping, quantisation and local error: with the "
    "ANN's own currents; unevenness: in the running network; accumulated: everything, the layers before included. "
    "Regained: what comes back of the metric when this layer is exact. Bound: what the accumulated error cannot exceed."
)


@dataclass(frozen=True)
class SiteDiagnosis(Stored):
    """One neuron layer beside the activation of the model that it stands for.

    All errors are root mean squares over neurons and images, over the root mean square of the activations ``a`` (or as
    they are where these are all zero). With ``z`` the model's current, ``z'`` the mean current in the running network,
    ``s`` the mean output of the neurons in the running network, ``Q(x)`` their mean output for the constant current
    ``x``, and ``m`` the largest mean output that they have.
    """

    site: Annotated[str, Shown("Site")]
    clipping_error: Annotated[float, Shown("Clipping", "of RMS", 4)]
    """Of ``min(a, m)`` from ``a``: what saturation costs, with the model's own currents."""
    quantisation_error: Annotated[float, Shown("Quantisation", "of RMS", 4)]
    """Of ``Q(z)`` from ``min(a, m)``: what a finite number of steps costs, with the model's own currents."""
    unevenness_error: Annotated[float, Shown("Unevenness", "of RMS", 4)]
    """Of ``s`` from ``Q(z')``: what the order of the currents costs, in the running network."""
    local_error: Annotated[float, Shown("Local", "of RMS", 4)]
    """Of ``Q(z)`` from ``a``: clipping and quantisation together."""
    accumulated_error: Annotated[float, Shown("Accumulated", "of RMS", 4)]
    """Of ``s`` from ``a``: everything, the errors of the layers before included."""
    rate: Annotated[float, Shown("Rate", "/neuron/step", 4)]
    """Spikes per neuron and step."""
    silent_channels: Annotated[int, Shown("Silent", "channels", 0)]
    """Channels without any spike in the whole run."""
    saturated_channels: Annotated[int, Shown("Saturated", "channels", 0)]
    """Channels that put out 95 % of ``m`` or more in most of the places where the model's activation is positive."""
    channels: Annotated[int, Shown("All", "channels", 0)]
    spectral_norm: Annotated[float | None, Shown("Spectral norm", "", 3)]
    """Of the linear operator between the layer and what it reads; ``None`` where it reads the input alone."""
    bound: Annotated[float | None, Shown("Bound", "", 3)]
    """What `accumulated_error` cannot exceed: Theorem 1 of Bu et al. 2025, measured; see docs/diagnose.md."""
    model_bound: IfKnown[float | None]
    """The same from what all layers do wrong by themselves: the errors before it are not measured but bounded in turn,
    so that each is amplified by the product of the spectral norms behind it."""
    regained: Annotated[float, Shown("Regained", "points", 2, factor=100)]
    """How much of the metric comes back when this layer is exact; below 0 where the network is worse then."""
    headroom: IfKnown[float | None]
    """The bound of the neurons over the largest activation of the images, or over the ceiling of an activation that has
    one, by channel; a tenth of the channels have less. ``None`` for a layer that is never active."""


def site_table(title: str, sites: Iterable[Mapping[str, Any]], note: str = NOTE) -> Table:
    """All numbers of every site.

    Args:
        title: above the table.
        sites: the list ``sites`` of ``isospike diagnose --json``.
        note: what to know besides.
    """
    columns = columns_of(SiteDiagnosis)
    return Table("sites", title, columns, tuple(tuple(site[one.key] for one in columns) for site in sites), note)
