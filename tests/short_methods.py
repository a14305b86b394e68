"""Every registered method, with as little calibration as its options allow: laws hold for any thresholds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from isospike.methods import Method, Streaming, methods
from isospike.methods.parts import ProbingStreaming
from isospike.network import SNN

HORIZONS = (4, 12, 32)
"""Numbers of steps that methods which need to know them are calibrated for; laws run for one of them."""
SHORT: dict[str, Any] = {"iterations": 6, "refine_images": 4, "calibration_steps": 8, "probe": 2, "steps": HORIZONS}
"""Options that decide how long a calibration takes."""


def shortened(kind: type[Method], **options: Any) -> Method:
    """An instance that calibrates in a few mini-batches, any network: sites that learned no bound get one."""
    defaults = {field.name: field.default for field in dataclasses.fields(kind)}
    short = {name: value for name, value in SHORT.items() if name in defaults}
    bounds = {"scale": "maximum"} if defaults.get("scale") == "learned" else {}
    return kind(**{**short, **bounds, **options})


METHODS: dict[str, Method] = {name: shortened(kind) for name, kind in methods.items()}
_POLICIES = {name: method.parts().neurons for name, method in METHODS.items()}
STREAMING = {name: METHODS[name] for name, policy in _POLICIES.items() if isinstance(policy, Streaming)}
EMITTING = {name: method for name, method in METHODS.items() if name not in STREAMING}
CALIBRATED = {name: method for name, method in STREAMING.items() if method.horizons == HORIZONS}
"""Made for given numbers of steps."""
FREE = {name: method for name, method in STREAMING.items() if name not in CALIBRATED}
"""Free-running: any number of steps."""
PROBING = {name: METHODS[name] for name, policy in _POLICIES.items() if isinstance(policy, ProbingStreaming)}
"""Whose first steps give no answer."""
WHOLE = {name: method for name, method in PROBING.items() if method.parts().neurons.probing.whole_train}
"""Whose neurons need all steps at once: not step by step, not in parts, no early exit."""
STEPWISE = {name: method for name, method in STREAMING.items() if name not in WHOLE}
TYPICAL = ("maximum", "bit-coded", "calibration-light", "srp")
"""One method of each group: free-running, accumulate-then-emit, calibrated, probing."""
FEW = ("reused_relu", "max_pools", "ceilings", "attention")
"""Networks for all methods: shortcut and pool, max pools, saturating activations, channels last and an island."""


def pairs(networks: Iterable[str], names: Iterable[str]) -> list[tuple[str, str]]:
    """Every network with a typical method, every method with a few networks."""
    kinds = list(names)
    return [(network, name) for network in networks for name in kinds if network in FEW or name in TYPICAL]


def chosen(snn: SNN, steps: int) -> SNN:
    """The network as it was calibrated for so many steps, where that matters."""
    return snn.for_steps(steps)
