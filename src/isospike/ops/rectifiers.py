"""Rectifiers, two-sided functions and trainable activations: from the arguments of their calls to modules."""

from __future__ import annotations

import math

from torch import Tensor, nn

from isospike.activations import Granularity, TrainableActivation, activations
from isospike.errors import CaptureError
from isospike.ops.layers import own
from isospike.ops.record import Arguments, Build
from isospike.ops.two_sided import Absolute, Bounded, Leaky, ParametricLeaky, SoftShrink


def relu(a: Arguments) -> nn.Module:
    """``max(x, 0)``."""
    return nn.ReLU()


def relu6(a: Arguments) -> nn.Module:
    """``min(max(x, 0), 6)``."""
    return nn.Hardtanh(0.0, 6.0)


def clamp(a: Arguments) -> nn.Module | None:
    """``min(max(x, low), high)`` with bounds that are numbers, or left out, and zero between them."""
    low, high = (a.get(name, a.get(f"{name}_val")) for name in ("min", "max"))
    if not all(bound is None or isinstance(bound, (int, float)) for bound in (low, high)):
        return None
    return _bounded(*(None if bound is None or math.isinf(bound) else float(bound) for bound in (low, high)))


def _bounded(low: float | None, high: float | None) -> nn.Module | None:
    """A rectifier where the lower bound is zero; both sides where it is below."""
    if low == 0 and (high is None or high > 0):
        return nn.ReLU() if high is None else nn.Hardtanh(0.0, high)
    is_two_sided = (low is None or low < 0) and (high is None or high >= 0) and (low, high) != (None, None)
    return Bounded(low, high) if is_two_sided else None


def threshold(a: Arguments) -> nn.Module | None:
    """``x`` above zero, else zero."""
    return nn.ReLU() if a["threshold"] == 0 and a["value"] == 0 else None


def leaky(a: Arguments) -> nn.Module | None:
    """``x`` above zero, else a part of it."""
    slope = float(a["negative_slope"])
    return nn.ReLU() if slope == 0 else Leaky(slope)


def at_rest(a: Arguments) -> nn.Module | None:
    """A leaky rectifier with random slopes in training, with their mean in inference."""
    return None if a["training"] else Leaky((float(a["lower"]) + float(a["upper"])) / 2)


def parametric(a: Arguments) -> nn.Module | None:
    """``x`` above zero, else a trained part of it, one for all or for every channel."""
    slope, axes = a["weight"], a["input" if "input" in a else "self"].meta["val"].dim()
    if not isinstance(slope, Tensor) or (slope.numel() > 1 and axes < 2):
        return None
    return ParametricLeaky(slope if slope.numel() == 1 or axes == 2 else slope.view(-1, *(1,) * (axes - 2)))


def absolute(a: Arguments) -> nn.Module:
    """``|x|``."""
    return Absolute()


def soft_shrink(a: Arguments) -> nn.Module:
    """``x`` nearer to zero by a number."""
    return SoftShrink(float(a["lambd"]))


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
