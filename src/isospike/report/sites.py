"""What a diagnosis found at every site: errors, firing rates, and all its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isospike.report.chart import Axis, Chart, Mark, Series, Style
from isospike.tables import finite

PARTS = {
    "clipping_error": ("Clipping", "clipping"),
    "quantisation_error": ("Quantisation", "quantisation"),
    "unevenness_error": ("Unevenness", "unevenness"),
}
"""The parts of a conversion error: name and colour."""


def error_chart(diagnosis: Mapping[str, Any]) -> Chart | None:
    """Stacked parts of every site's own error, and the error that has accumulated up to it."""
    sites = diagnosis["sites"]
    if not sites:
        return None
    bars = [_series(sites, key, name, Mark.BAR, Style(colour)) for key, (name, colour) in PARTS.items()]
    line = Style("reference", symbol="circle", size=6)
    return Chart(
        name="errors",
        title="Error by site",
        x=_sites_axis(sites),
        y=Axis("Error (relative RMS)"),
        series=(*bars, _series(sites, "accumulated_error", "Accumulated", Mark.LINE, line)),
        note=(
            f"{diagnosis['method']}, T = {diagnosis['steps']}, {diagnosis['images']} images; sites in order of "
            "execution. Root mean squares over that of the ANN's activations. Bars: the site's own errors, "
            "three on each other (as root mean squares they need not add up); line: everything, the layers "
            "before included."
        ),
    )


def rate_chart(diagnosis: Mapping[str, Any]) -> Chart | None:
    """How often the neurons of every site spike."""
    sites = diagnosis["sites"]
    if not any(finite(site["rate"]) for site in sites):
        return None
    return Chart(
        name="rates",
        title="Firing rate by site",
        x=_sites_axis(sites),
        y=Axis("Spikes per neuron and step"),
        series=(_series(sites, "rate", "Rate", Mark.BAR, Style("rate")),),
        note="Pointing at a bar shows how many channels are silent or saturated.",
        height=320,
    )


def _sites_axis(sites: list[Mapping[str, Any]]) -> Axis:
    return Axis("Site", categories=tuple(site["site"] for site in sites))


def _series(sites: list[Mapping[str, Any]], key: str, name: str, mark: Mark, style: Style) -> Series:
    return Series(
        name=name,
        mark=mark,
        x=tuple(site["site"] for site in sites),
        y=tuple(float(site[key]) if finite(site[key]) else None for site in sites),
        style=style,
        hints=tuple(_hint(site, key, name) for site in sites),
    )


def _hint(site: Mapping[str, Any], key: str, name: str) -> str:
    value = f"{site[key]:.4g}" if finite(site[key]) else "not known"
    if key != "rate":
        return f"{site['site']}\n{name}: {value}"
    parts = [
        f"{site[part]:g} {part.split('_')[0]}"
        for part in ("silent_channels", "saturated_channels")
        if finite(site[part])
    ]
    return f"{site['site']}\n{value} spikes per neuron and step\n{', '.join(parts)} of {site['channels']} channels"
