"""The largest activation seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from isospike.graphs.op import Op
from isospike.scales.rule import Fineness, Observer, OutputObserver, ScaleRule, rules


@dataclass(frozen=True)
class MaximumRule(ScaleRule):
    """``theta = max(relu(z))`` over the calibration data (Diehl et al. 2015, data-based normalisation).

    At signed sites it is the largest magnitude.
    """

    papers: ClassVar[tuple[str, ...]] = ("diehl2015fast",)
    serves_signed = True

    granularity: Fineness  # type: ignore[assignment]
    """One threshold per layer, per channel or per neuron."""

    def observer(self, op: Op, activation: nn.Module) -> Observer:
        """A running maximum."""
        return _RunningMaximum(op, activation, self.granularity)


class _RunningMaximum(OutputObserver):
    def __init__(self, op: Op, activation: nn.Module, granularity: Fineness) -> None:
        super().__init__(op, activation, granularity)
        self.largest: Tensor | None = None

    def take(self, a: Tensor) -> None:
        largest = a.amax(self.axes).reshape(-1)
        self.largest = largest if self.largest is None else torch.maximum(self.largest, largest)

    def scale(self) -> Tensor:
        assert self.largest is not None
        return self.shaped(self.largest)


rules.register("maximum", MaximumRule)
