"""One small example of each result that a call gives."""

from __future__ import annotations

import torch

import isospike as iso
from isospike.data import open_data
from isospike.demo import load_digits_net
from isospike.tables import Tabular

IMAGES = 16


def examples() -> dict[type[Tabular], tuple[str, Tabular]]:
    """The call and what it gave, by the type of the result."""
    torch.manual_seed(0)
    names = {"iso": iso, "calibration": _digits("calibration"), "test": _digits("test")}
    names["images"] = names["test"][0][0][:4]
    names["model"] = iso.capture(load_digits_net(), names["images"])  # once: half of the time of these calls
    for name, call in NETWORKS.items():
        names[name] = eval(call, names)
    found = [(call, eval(call, names)) for call in CALLS]
    return {type(result): (call, result) for call, result in found}


NETWORKS = {
    "snn": "iso.convert(model, iso.methods.BitCoded(bits=4), data=calibration, progress=False)",
    "rate": "iso.convert(model, iso.methods.Buffered(), data=calibration, progress=False)",
}
CALLS = (
    "iso.inspect(model, images)",
    "iso.simulate(rate, images, steps=8)",
    "iso.evaluate(rate, test, steps=[2, 4, 8], progress=False)",
    "iso.verify(model, snn, test, progress=False)",
    "iso.diagnose(model, snn, test, progress=False)",
    "iso.compare(model, calibration, test, methods=['buffered'], steps=[2, 4, 8], progress=False)",
    "iso.account(snn, test, progress=False)[4]",
    "iso.account(snn, test, progress=False)[4].total()",
    "iso.account(snn, test, progress=False)[4].energy(iso.costs.energy_models['45nm-int8'])",
    "iso.costs.reference_costs(snn)",
    "iso.costs.memory_of(snn)",
)
"""Calls whose results have a table; others take too long for a page."""


def _digits(split: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return list(open_data("digits", split, preprocess=None, images=IMAGES, shuffle=False))
