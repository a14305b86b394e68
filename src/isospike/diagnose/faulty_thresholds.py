"""Thresholds that are far from what the activations of their site ask for."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from isospike.diagnose.diagnosis import Fault, SiteDiagnosis

FAR = 0.3
"""Clipping error from which a threshold may be called too low."""
OTHERS = 4.0
"""So many times the clipping error of the other sites (their median) it has to be."""


def faulty_thresholds(sites: Sequence[SiteDiagnosis]) -> list[Fault]:
    """Sites at which clipping alone loses far more than at the others, and more than the finite number of steps does.

    A method that clips much does so everywhere; a single site that does is out of line.
    """
    return [_too_low(site) for site in sites if _is_too_low(site, [other for other in sites if other is not site])]


def _is_too_low(site: SiteDiagnosis, others: Sequence[SiteDiagnosis]) -> bool:
    usual = median(other.clipping_error for other in others) if others else 0.0
    worst_part = max(site.quantisation_error, OTHERS * usual, FAR)
    return site.clipping_error > worst_part


def _too_low(site: SiteDiagnosis) -> Fault:
    return Fault(
        site.site,
        f"the threshold of site {site.site} is too low for its activations: clipping alone is "
        f"{100 * site.clipping_error:.0f} % of them",
        "find the threshold again: convert with calibration images like these, or with --scale percentile",
    )
