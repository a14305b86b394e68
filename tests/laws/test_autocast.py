"""Inside ``torch.autocast`` every function gives what it gives outside, bit for bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import isospike as iso
from isospike.calibrate import count_codes

X = torch.randn(24, 12, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(24) % 3
DATA = [(X, LABELS)]


def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 3)).eval()


def streaming() -> iso.SNN:
    return iso.convert(model(), iso.methods.Maximum(), data=DATA)


def emitting() -> iso.SNN:
    return iso.convert(model(), iso.methods.BitCoded(bits=3), data=DATA)


def quantised() -> iso.Graph:
    return iso.quantise(model(), iso.activations.QCFS(levels=4), data=DATA)


def tensors(network: nn.Module) -> list[Any]:
    return [tensor.tolist() for tensor in network.state_dict().values()]


def without_times(found: Any) -> Any:
    if isinstance(found, dict):
        return {key: without_times(value) for key, value in found.items() if "seconds" not in key}
    return [without_times(value) for value in found] if isinstance(found, list) else found


def compared() -> Any:
    found = iso.compare(model(), DATA, [(X + 0.01, LABELS)], methods=["maximum"], steps=[2])
    return without_times(found.to_dict())


CALLS = {
    "capture": lambda: tensors(iso.capture(model(), X)),
    "inspect": lambda: iso.inspect(model(), X).to_dict(),
    "convert": lambda: tensors(streaming()),
    "calibrate": lambda: tensors(
        iso.convert(model(), iso.methods.CalibrationLight(), data=DATA),
    ),
    "quantise": lambda: tensors(quantised()),
    "count_codes": lambda: [counts.tolist() for counts in count_codes(quantised(), DATA).values()],
    "simulate": lambda: iso.simulate(streaming(), X, steps=4).outputs.tolist(),
    "forward": lambda: emitting()(X).tolist(),
    "evaluate": lambda: without_times(iso.evaluate(streaming(), DATA, steps=[1, 4]).to_dict()),
    "verify": lambda: iso.verify(model(), emitting(), DATA).to_dict(),
    "diagnose": lambda: iso.diagnose(model(), streaming(), DATA, steps=4).to_dict(),
    "account": lambda: iso.account(streaming(), DATA, steps=4)[4].to_dict(),
    "compare": compared,
}


@pytest.mark.parametrize("name", CALLS)
def test_autocast_changes_nothing(name):
    expected = CALLS[name]()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.is_autocast_enabled("cpu")
        assert model()(X).dtype == torch.bfloat16, "without this the test would show nothing"
        assert CALLS[name]() == expected
        assert torch.is_autocast_enabled("cpu")
