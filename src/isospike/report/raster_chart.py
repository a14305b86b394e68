"""A raster as a chart and a table: time to the right, neurons upwards, site above site."""

from __future__ import annotations

import math

from isospike.messages import counted
from isospike.report.chart import Axis, Chart, Mark, Series, Style, step_ticks
from isospike.report.raster import Event, Raster, SiteRaster

GAP = 2
"""Empty rows between sites."""
ROW = 7
"""Pixels of the page for one neuron."""
SMALLEST, LARGEST = 4.5, 10.0
"""Pixels of a marker worth one unit, and of one worth the most."""
SIGNS = (("Excitatory", "positive", 1), ("Inhibitory", "negative", -1))


def raster_chart(raster: Raster) -> Chart:
    """Every event a mark: its colour is the sign, its size the number of units."""
    bases = _bases(raster)
    largest = max((abs(event.value) for site in raster.sites for event in site.events), default=1)
    rows = bases[-1] + len(raster.sites[-1].neurons)
    ticks = tuple(
        (base + (len(site.neurons) - 1) / 2, site.site) for base, site in zip(bases, raster.sites, strict=True)
    )
    series = [_events(raster, bases, largest, *sign) for sign in SIGNS]
    return Chart(
        name="raster",
        title="Spikes of one image",
        x=Axis("Time step", ticks=_time_ticks(raster.steps), limits=(0.4, raster.steps + 0.6)),
        y=Axis(
            "", ticks=ticks, separators=tuple(base - (GAP + 1) / 2 for base in bases[1:]), limits=(-1.5, rows + 0.5)
        ),
        series=tuple(one for one in series if one.x or one.name == SIGNS[0][0]),
        note=_note(raster, largest),
        height=max(260, min(1400, 90 + ROW * rows)),
    )


def _bases(raster: Raster) -> list[int]:
    """First row of every site."""
    bases, row = [], 0
    for site in raster.sites:
        bases.append(row)
        row += len(site.neurons) + GAP
    return bases


def _events(raster: Raster, bases: list[int], largest: int, name: str, colour: str, sign: int) -> Series:
    found = [
        (site, base, event)
        for site, base in zip(raster.sites, bases, strict=True)
        for event in site.events
        if event.value * sign > 0
    ]
    return Series(
        name=name,
        mark=Mark.POINTS,
        x=tuple(event.step for _, _, event in found),
        y=tuple(float(base + event.row) for _, base, event in found),
        style=Style(colour, symbol="circle" if sign > 0 else "diamond", size=SMALLEST),
        hints=tuple(_hint(site, event) for site, _, event in found),
        sizes=tuple(_size(abs(event.value), largest) for _, _, event in found) if largest > 1 else (),
    )


def _size(units: int, largest: int) -> float:
    """Areas in proportion to the units, but never too small to be seen."""
    return SMALLEST + (LARGEST - SMALLEST) * math.sqrt((units - 1) / (largest - 1))


def _hint(site: SiteRaster, event: Event) -> str:
    return f"{site.site}, neuron {site.neurons[event.row]}\nstep {event.step}: {counted(event.value, 'unit')}"


def _time_ticks(steps: int) -> tuple[tuple[float, str], ...]:
    every = next(size for size in (1, 2, 5, 10, 20, 50, 100, 200, 500, steps) if steps / size <= 10)
    return step_ticks([1, *range(every, steps + 1, every)], most=12)


def _note(raster: Raster, largest: int) -> str:
    shown = sum(len(site.neurons) for site in raster.sites)
    count = sum(site.count for site in raster.sites)
    events = sum(len(site.events) for site in raster.sites)
    each = "the neurons of each site are drawn at random with a fixed seed, the same in every report"
    parts = [f"{raster.method}, T = {raster.steps}: {counted(events, 'event')} of {shown} of {count} neurons; {each}."]
    parts.append("The first site is at the bottom.")
    if largest > 1:
        parts.append(f"A larger mark is worth more units, up to {largest}.")
    if any(event.value < 0 for site in raster.sites for event in site.events):
        parts.append("Diamonds are inhibitory.")
    if raster.kind != "streaming":
        parts.append("Layers work one after the other: step 1 of a site follows the last step of the site before it.")
    if raster.probe:
        parts.append(f"The first {raster.probe} steps probe; the answer comes from those after them.")
    if not events:
        parts.append("None of them spiked.")
    return " ".join(parts)
