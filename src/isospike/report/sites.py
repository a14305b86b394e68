"""What a diagnosis found at every site: errors, firing rates, and all its numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from isospike.report.chart import Axis, Chart, Mark, Series, Style
from isospike.tables import finite

PARTS = {
    "clipping_error": ("Clipping", "clipping"),
    "quantisation_error": ("Quantisation", "quantisation"),
    "unevenness_error": ("Unevenness", "unevenness"),
}
"""The parts of a site's own error: name and colour."""
REST = ("Layers before", "competitor")
"""What no part of its own explains: name and colour."""


def error_chart(diagnosis: Mapping[str, Any]) -> Chart | None:
    """Every site's own error, and the error that has accumulated up to it."""
    sites = diagnosis["sites"]
    if not sites:
        return None
    lines = (
        _series(sites, "accumulated_error", "Accumulated", Mark.LINE, Style("reference", symbol="circle")),
        _series(
            sites, "local_error", "Of the site alone", Mark.LINE, Style("quantisation", symbol="square", dash="dash")
        ),
    )
    return Chart(
        name="errors",
        title="Error by site",
        x=_sites_axis(sites),
        y=Axis("Error (relative RMS)", limits=(0, 1.08 * _largest(lines))),
        series=lines,
        note=(
            f"{diagnosis['method']}, T = {diagnosis['steps']}, {diagnosis['images']:,} images; sites in order of "
            "execution. Root mean squares over that of the ANN's activations. Of the site alone: clipping and "
            "quantisation with the ANN's own currents. Accumulated: everything, the layers before included."
        ),
        height=360,
    )


def share_chart(diagnosis: Mapping[str, Any]) -> Chart | None:
    """What the squared error of every site consists of; the shares of a site add up to the whole."""
    sites = [site for site in diagnosis["sites"] if squared_shares(site)]
    if not sites:
        return None
    shares = [squared_shares(site) for site in sites]
    names = [*PARTS.values(), REST]
    bars = tuple(
        Series(
            name=name,
            mark=Mark.BAR,
            x=tuple(site["site"] for site in sites),
            y=tuple(100 * share[index] for share in shares),
            style=Style(colour),
            hints=tuple(
                f"{site['site']}\n{name}: {100 * share[index]:.1f} %" for site, share in zip(sites, shares, strict=True)
            ),
        )
        for index, (name, colour) in enumerate(names)
    )
    return Chart(
        name="shares",
        title="What the error of every site consists of",
        x=_sites_axis(sites),
        y=Axis("Share of the squared error (%)", limits=(0, 100)),
        series=bars,
        note=(
            "Squares of the errors, which add up where parts are independent. Layers before: what the site's own parts "
            "leave of the accumulated squared error; none where they leave nothing, because parts cancel each other."
        ),
        height=360,
    )


def squared_shares(site: Mapping[str, Any]) -> tuple[float, ...]:
    """Shares of the squared error: the site's own parts, then the layers before; empty where there is no error."""
    own = [float(site[key]) ** 2 if finite(site[key]) else 0.0 for key in PARTS]
    whole = float(site["accumulated_error"]) ** 2 if finite(site["accumulated_error"]) else 0.0
    squares = [*own, max(0.0, whole - sum(own))]
    total = sum(squares)
    return tuple(square / total for square in squares) if total else ()


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


def _largest(lines: Sequence[Series]) -> float:
    return max((y for line in lines for y in line.y if y), default=1.0)


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
