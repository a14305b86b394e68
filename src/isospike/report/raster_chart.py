"""What the neurons of every site sent for one image, as a chart: spikes in time, or the codes that they spell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from isospike.messages import counted
from isospike.neurons import Kind
from isospike.report.chart import Axis, Chart, Mark, Series, Style, step_ticks
from isospike.report.raster import Event, Raster, SiteRaster

GAP = 2
"""Empty rows between sites."""
ROW = 7
"""Pixels of the page for one neuron."""
SMALLEST, LARGEST = 4.5, 10.0
"""Pixels of a marker worth one unit, and of one worth the most."""
LARGEST_CODE, SITE_ROW = 20.0, 26
"""Pixels of the largest code, and of the row of a site."""
RANDOM = "the neurons of each site are drawn at random with a fixed seed, the same in every report"
SIGNS = (("Excitatory", "positive", 1), ("Inhibitory", "negative", -1))
CODE_SIGNS = (("Code", "positive", 1), ("Negative code", "negative", -1))


def raster_chart(raster: Raster) -> Chart:
    """Spikes in time, or of neurons that emit after accumulating the codes, of which their trains are functions."""
    return _spikes(raster) if raster.kind == Kind.STREAMING else _codes(raster)


@dataclass(frozen=True)
class _Code:
    """A code that is not zero, and where it is drawn."""

    row: int
    """Of its site."""
    place: int
    """Among the neurons of the site, the largest magnitude first, from 1."""
    value: int
    hint: str


def _codes(raster: Raster) -> Chart:
    """Every neuron a square, its area the code: sites upwards, the largest code of a site first."""
    codes = [code for row, site in enumerate(raster.sites) for code in _placed(row, site)]
    largest = max((abs(code.value) for code in codes), default=1)
    ticks = tuple((float(index), site.site) for index, site in enumerate(raster.sites))
    widest = max(len(site.neurons) for site in raster.sites)
    series = [_of_sign(codes, largest, *sign) for sign in CODE_SIGNS]
    return Chart(
        name="raster",
        title="Codes of one image",
        x=Axis("Neurons of the site, the largest code first", limits=(0.4, widest + 0.6), ticks=_time_ticks(widest)),
        y=Axis("", ticks=ticks, limits=(-0.8, len(raster.sites) - 0.2)),
        series=tuple(one for one in series if one.x or one.name == CODE_SIGNS[0][0]),
        note=_code_note(raster, largest),
        height=max(260, 110 + SITE_ROW * len(raster.sites)),
    )


def _placed(row: int, site: SiteRaster) -> list[_Code]:
    order = sorted(_codes_of(site), key=lambda pair: (-abs(pair[0]), pair[1]))
    return [
        _Code(row, place, code, f"{site.site}, neuron {neuron}\ncode {code}, binary {code:b}")
        for place, (code, neuron) in enumerate(order, 1)
        if code
    ]


def _of_sign(codes: Sequence[_Code], largest: int, name: str, colour: str, sign: int) -> Series:
    found = [code for code in codes if code.value * sign > 0]
    return Series(
        name=name,
        mark=Mark.POINTS,
        x=tuple(code.place for code in found),
        y=tuple(float(code.row) for code in found),
        style=Style(colour, symbol=_symbol(sign, "square"), size=SMALLEST),
        hints=tuple(code.hint for code in found),
        sizes=tuple(LARGEST_CODE * math.sqrt(abs(code.value) / largest) for code in found),
    )


def _symbol(sign: int, positive: str) -> str:
    """Diamonds are negative."""
    return positive if sign > 0 else "diamond"


def _codes_of(site: SiteRaster) -> list[tuple[int, int]]:
    """Code and place of every neuron shown: its train adds up to the code."""
    sums = [0] * len(site.neurons)
    for event in site.events:
        sums[event.row] += event.value
    return list(zip(sums, site.neurons, strict=True))


def _code_note(raster: Raster, largest: int) -> str:
    shown = sum(len(site.neurons) for site in raster.sites)
    codes = [code for site in raster.sites for code, _ in _codes_of(site)]
    negative = " Diamonds are negative." if min(codes, default=0) < 0 else ""
    return (
        f"{raster.method}, T = {raster.steps}: the whole numbers that {shown} of "
        f"{sum(site.count for site in raster.sites)} neurons emit; {RANDOM}. The first site is at the bottom. The area "
        f"of a square is the code, {largest} the largest; {codes.count(0)} neurons are silent.{negative} A train is a "
        "function of its code, so codes say all of it."
    )


def _spikes(raster: Raster) -> Chart:
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
        style=Style(colour, symbol=_symbol(sign, "circle"), size=SMALLEST),
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
    parts = [
        f"{raster.method}, T = {raster.steps}: {counted(events, 'event')} of {shown} of {count} neurons; {RANDOM}."
    ]
    parts.append("The first site is at the bottom.")
    if largest > 1:
        parts.append(f"A larger mark is worth more units, up to {largest}.")
    if any(event.value < 0 for site in raster.sites for event in site.events):
        parts.append("Diamonds are inhibitory.")
    if raster.probe:
        parts.append(f"The first {raster.probe} steps probe; the answer comes from those after them.")
    if not events:
        parts.append("None of them spiked.")
    return " ".join(parts)
