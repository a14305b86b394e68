"""Rectifiers and trainable activations: from the arguments of their calls to modules."""

from __future__ import annotations

from torch import Tensor, nn

from isospike.activations import Granularity, TrainableActivation, activations
from isospike.errors import CaptureError
from isospike.ops.layers import own
from isospike.ops.record import Arguments, Build


def relu(a: Arguments) -> nn.Module:
    """``max(x, 0)``."""
    return nn.ReLU()


def relu6(a: Arguments) -> nn.Module:
    """``min(max(x, 0), 6)``."""
    return nn.Hardtanh(0.0, 6.0)


def hardtanh(a: Arguments) -> nn.Module | None:
    """``min(max(x, low), high)`` with ``low = 0``."""
    return _bounded(a["min_val"], a["max_val"]) if a["max_val"] > 0 else None


def _bounded(low: float, high: float | None) -> nn.Module | None:
    if low != 0:
        return None
    return nn.ReLU() if high is None or high == float("inf") else nn.Hardtanh(0.0, float(high))


def clamp(a: Arguments) -> nn.Module | None:
    """``min(max(x, low), high)`` with ``low = 0``, ``high`` left out or positive."""
    low, high = a["min"], a.get("max")
    if not isinstance(low, (int, float)) or not (high is None or isinstance(high, (int, float))):
        return None
    return None if high is not None and high <= 0 else _bounded(low, high)


def threshold(a: Arguments) -> nn.Module | None:
    """``x`` above zero, else zero."""
    return nn.ReLU() if a["threshold"] == 0 and a["value"] == 0 else None


def trainable(name: str) -> Build:
    """The activation of this name; its configuration is what the operator was called with."""

    def build(a: Arguments) -> nn.Module:
        log_bound: Tensor = a["log_bound"]
        if not log_bound.isfinite().all():
            raise CaptureError(
                f"a {name} activation has a bound that is not positive and finite: {log_bound.exp().tolist()!r:.80}; "
                "was its training stable?"
            )
        options = {key: value for key, value in a.items() if key not in ("input", "log_bound")}
        granularity: Granularity = "channel" if log_bound.dim() else "layer"
        module = TrainableActivation(activations[name](granularity=granularity, **options), log_bound)
        return own(module, log_bound=log_bound)

    return build
