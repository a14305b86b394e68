"""Rules from figures to words: why a site loses, and what to try."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from isospike.diagnosis.diagnosis import WorstSite
from isospike.diagnosis.faulty_thresholds import DOMINANT, HIGH
from isospike.diagnosis.site import SiteDiagnosis
from isospike.methods import methods
from isospike.network import Provenance
from isospike.neurons import Kind
from isospike.options import is_whole

MANY = 0.1
"""Part of the channels that makes silent or saturated ones a reason."""


@dataclass(frozen=True)
class Case:
    """One site of one network."""

    site: SiteDiagnosis
    starved: int
    """Silent channels in which the model is active."""
    kind: Kind
    takes_back: bool
    """Whether its neurons can take spikes back."""
    options: Mapping[str, Any]
    """Options of the method."""
    steps: int
    rises: str | None
    """What raises its thresholds, as an option; see `raising`."""

    @property
    def largest_part(self) -> str:
        """The largest of the three parts: what comes back when the site is exact is its own, not what it inherits."""
        parts = {
            "clipping": self.site.clipping_error,
            "quantisation": self.site.quantisation_error,
            "unevenness": self.site.unevenness_error,
        }
        return max(parts, key=parts.__getitem__)

    @property
    def is_high(self) -> bool:
        """Whether the threshold is far above all activations."""
        return self.site.headroom is not None and self.site.headroom > HIGH

    @property
    def saturated(self) -> bool:
        """Whether many channels are saturated, and clipping matters."""
        site = self.site
        many = site.saturated_channels > MANY * site.channels
        return many and site.clipping_error >= site.quantisation_error


@dataclass(frozen=True)
class AdviceRule:
    """What is said of the cases that it holds for."""

    holds: Callable[[Case], bool]
    text: str


def _part(name: str) -> Callable[[Case], bool]:
    return lambda case: case.largest_part == name


def _part_of(name: str, kind: Kind, condition: Callable[[Case], bool] = lambda case: True) -> Callable[[Case], bool]:
    return lambda case: case.largest_part == name and case.kind is kind and condition(case)


def _option(name: str, *values: object) -> Callable[[Case], bool]:
    return lambda case: name in case.options and case.options[name] in values


def _clips(case: Case) -> bool:
    return case.saturated or case.largest_part == "clipping"


def _too_fine(case: Case) -> bool:
    """Whether the threshold is higher than its steps can fill: rules that weigh both errors make them about equal."""
    return case.site.quantisation_error > DOMINANT * case.site.clipping_error


REASONS = (
    AdviceRule(
        lambda case: case.saturated,
        "clipping: {saturated} of {channels} channels are saturated (clipping error {clipping:.3f})",
    ),
    AdviceRule(_part("clipping"), "clipping: activations exceed what its neurons can put out (error {clipping:.3f})"),
    AdviceRule(
        lambda case: case.largest_part == "quantisation" and case.is_high,
        "quantisation: the threshold is {headroom:.1f} times the largest activation (error {quantisation:.3f})",
    ),
    AdviceRule(
        lambda case: case.largest_part == "quantisation" and case.starved > MANY * case.site.channels,
        "quantisation: {starved} of {channels} channels that are active in the model stay silent (quantisation error "
        "{quantisation:.3f})",
    ),
    AdviceRule(_part("quantisation"), "quantisation: {steps} steps are too coarse here (error {quantisation:.3f})"),
    AdviceRule(
        _part("unevenness"), "unevenness: spikes arrive in an order that the neurons answer wrongly ({unevenness:.3f})"
    ),
)
"""The first one that holds is the reason."""

MORE_STEPS = "more steps, --steps {twice}"

RISING = "thresholds that have risen further, {rises}"

ADVICE = (
    AdviceRule(lambda case: _clips(case) and case.rises is not None, RISING),
    AdviceRule(
        lambda case: _clips(case) and _option("granularity", "layer")(case),
        "--granularity channel",
    ),
    AdviceRule(
        lambda case: _clips(case) and "scale" in case.options and not _option("scale", "maximum", "percentile")(case),
        "a higher threshold, --scale percentile",
    ),
    AdviceRule(
        _clips,
        "more calibration images, or a higher threshold: percentile, or burst, whose neurons saturate late",
    ),
    AdviceRule(
        lambda case: case.largest_part == "quantisation" and case.is_high,
        "a lower threshold: calibrate again with images like these, or thresholds with the least squared error "
        "(calibrated-buffered, bit-coded)",
    ),
    AdviceRule(
        lambda case: case.largest_part == "quantisation" and _option("granularity", "layer")(case),
        "--granularity channel",
    ),
    AdviceRule(
        lambda case: case.largest_part == "quantisation" and _option("scale", "maximum", "percentile")(case),
        "--scale mmse",
    ),
    AdviceRule(
        _part_of(
            "quantisation",
            Kind.STREAMING,
            lambda case: _option("v_init", 0, 0.0)(case) and not case.options.get("steps"),
        ),
        "--v-init 0.5, which rounds instead of rounding down",
    ),
    AdviceRule(
        _part_of("quantisation", Kind.STREAMING, _too_fine),
        MORE_STEPS + ", or thresholds with the least squared error: calibrated-buffered, or bit-coded",
    ),
    AdviceRule(
        _part_of("quantisation", Kind.STREAMING), MORE_STEPS + ", or bit-coded, which has 2^T levels in T steps"
    ),
    AdviceRule(_part_of("quantisation", Kind.EMITTING, _option("bits", None)), "more levels, --levels"),
    AdviceRule(_part_of("quantisation", Kind.EMITTING), "more levels: one more with --bits, or --levels"),
    AdviceRule(
        lambda case: case.largest_part == "unevenness" and not case.takes_back,
        "calibrated-buffered, whose neurons take spikes back, or bit-coded, which has no unevenness",
    ),
    AdviceRule(_part("unevenness"), "bit-coded or pascal, which have no unevenness, or " + MORE_STEPS),
)
"""The first one that holds is the advice; the last covers the rest."""


def raising(provenance: Provenance) -> str | None:
    """Ten times as much of the option that raises a method's thresholds; ``None`` where it declares no such option.

    The activations above the thresholds of local threshold balancing are about one in twice the iterations.
    """
    option = methods[provenance.method].rises_with if provenance.method in methods else None
    value = None if option is None else provenance.options.get(option)
    return f"--{option} {10 * int(value)}".replace("_", "-") if is_whole(value) else None


def words(case: Case) -> WorstSite:
    """Reason and advice for one site."""
    site = case.site
    values = {
        "clipping": site.clipping_error,
        "quantisation": site.quantisation_error,
        "unevenness": site.unevenness_error,
        "channels": site.channels,
        "saturated": site.saturated_channels,
        "starved": case.starved,
        "steps": case.steps,
        "headroom": site.headroom,
        "twice": 2 * case.steps,
        "rises": case.rises,
    }
    reason, advice = (
        next(rule.text for rule in rules if rule.holds(case)).format(**values) for rules in (REASONS, ADVICE)
    )
    return WorstSite(site.site, reason, f"try {advice}")
