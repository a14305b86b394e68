"""Thresholds that are far from what the activations of their site ask for."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from isospike.diagnosis.diagnosis import Fault
from isospike.diagnosis.site import SiteDiagnosis

FAR = 0.3
"""Clipping error from which a threshold may be called too low."""
OTHERS = 4.0
"""Factor over the clipping error of the other sites (their median)."""
SURELY = 0.35
"""Clipping error from which a threshold is too low whatever the other sites do, where steps and levels cost less."""
DOMINANT = 2.0
"""Factor over the quantisation error: rules that weigh both make them about equal."""
HIGH = 2.0
"""Headroom from which a threshold may be called too high."""
APART = 3.0
"""Factor over the headroom of the sites below; that of spike-driven rules grows from site to site."""


def faulty_thresholds(sites: Sequence[SiteDiagnosis], rises: str | None) -> list[Fault]:
    """Sites whose thresholds are far below or far above their activations, in order.

    Too low: clipping loses more than the finite number of steps does, and far more than at the other sites, or so much
    that no scale rule chose it. Too high: the bound is far above the largest activation, and most sites are not so.

    Args:
        sites: their figures.
        rises: what raises the thresholds of the method, as an option.
    """
    high = _too_high(sites)
    found = []
    for site in sites:
        if _is_too_low(site, [other for other in sites if other is not site]):
            found.append(_low(site, rises))
        elif site in high:
            found.append(_high(site))
    return found


def _is_too_low(site: SiteDiagnosis, others: Sequence[SiteDiagnosis]) -> bool:
    usual = median(other.clipping_error for other in others) if others else 0.0
    out_of_line = site.clipping_error > max(site.quantisation_error, OTHERS * usual, FAR)
    return out_of_line or site.clipping_error > max(DOMINANT * site.quantisation_error, SURELY)


def _too_high(sites: Sequence[SiteDiagnosis]) -> list[SiteDiagnosis]:
    """At most half of the sites, set apart from the others by a gap in headroom."""
    known = sorted(((site.headroom, site) for site in sites if site.headroom is not None), key=lambda pair: -pair[0])
    gaps = [
        count for count in range(1, len(known) // 2 + 1) if known[count - 1][0] > max(HIGH, APART * known[count][0])
    ]
    return [site for _, site in known[: max(gaps, default=0)]]


def _low(site: SiteDiagnosis, rises: str | None) -> Fault:
    again = "convert with calibration images like these, or with --scale percentile"
    return Fault(
        site.site,
        f"the threshold of site {site.site} is too low for its activations: clipping alone is "
        f"{100 * site.clipping_error:.0f} % of them",
        f"find the threshold again: {again if rises is None else f'let it rise further, {rises}'}",
    )


def _high(site: SiteDiagnosis) -> Fault:
    return Fault(
        site.site,
        f"the threshold of site {site.site} is too high for its activations: {site.headroom:.1f} times the largest",
        "find the threshold again: convert with calibration images like these",
    )
