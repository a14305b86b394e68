"""Scales that training found: the bounds of quantised activations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor, fx, nn

from isospike.activations.activation import Granularity
from isospike.errors import CalibrationError
from isospike.graphs.graph import Graph
from isospike.graphs.op import Op
from isospike.inputs import Inputs
from isospike.neurons import LearnedActivation
from isospike.scales.rule import Observer, OutputObserver, ScaleRule, rules


@dataclass(frozen=True)
class LearnedRule(ScaleRule):
    """``theta`` = the trained bound of a site that has one; elsewhere what another rule finds.

    The granularity of a learned bound is that of the training.
    """

    otherwise: ScaleRule | None = None
    """Rule for sites without a learned bound; ``None`` refuses them."""

    def observer(self, op: Op, activation: nn.Module) -> Observer:
        """The bound, or an observer of the other rule.

        Raises:
            CalibrationError: a bound is not positive and finite, or there is none and no other rule.
        """
        if isinstance(activation, LearnedActivation):
            return _LearnedBound(op, activation, self.granularity)
        if self.otherwise is None:
            raise CalibrationError(
                f"site '{op.name}' has no learned bound; train one with isospike.quantise, or choose a "
                "rule that finds it, such as scale='maximum' (--scale maximum)"
            )
        return self.otherwise.observer(op, activation)

    def observer_in(self, graph: Graph, node: fx.Node) -> Observer:
        """The bound, or an observer of the other rule.

        Raises:
            CalibrationError: as `observer`.
        """
        if self.otherwise is None or isinstance(graph.module_of(node), LearnedActivation):
            return super().observer_in(graph, node)
        return self.otherwise.observer_in(graph, node)

    def at(self, index: int, sites: int) -> ScaleRule:
        """With the other rule for this site."""
        return self if self.otherwise is None else replace(self, otherwise=self.otherwise.at(index, sites))

    def feed(self, inputs: Inputs, most: int) -> Iterator[Inputs]:
        """What the other rule is fed."""
        return super().feed(inputs, most) if self.otherwise is None else self.otherwise.feed(inputs, most)

    @property
    def serves_signed(self) -> bool:  # type: ignore[override]
        """That of the other rule: signed activations have no learned bounds."""
        return self.otherwise is not None and self.otherwise.serves_signed

    @property
    def papers(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the other rule."""
        return () if self.otherwise is None else self.otherwise.papers

    @property
    def batches(self) -> int | None:
        """As many as the other rule needs; one shows that the data fit."""
        return 1 if self.otherwise is None else self.otherwise.batches


def check_bound(site: str, activation: nn.Module) -> None:
    """Refuse a learned bound that no neuron can have.

    Raises:
        CalibrationError: it is zero, negative, NaN or infinite.
    """
    if not isinstance(activation, LearnedActivation):
        return
    bound = torch.as_tensor(activation.bound).detach()
    wrong = bound[~(bound.isfinite() & (bound > 0))].flatten()
    if len(wrong):
        raise CalibrationError(
            f"site '{site}' has the learned bound {wrong[0].item():g}; bounds must be positive and finite: train "
            "again, or import a negative bound with isospike.activations.QCFS(...).module(bound), which mirrors it"
        )


class _LearnedBound(OutputObserver):
    def __init__(self, op: Op, activation: nn.Module, granularity: Granularity) -> None:
        bound = torch.as_tensor(activation.bound).detach()
        super().__init__(op, activation, "layer" if bound.numel() == 1 else "channel")
        check_bound(op.name, activation)
        if bound.numel() not in (1, self.channels):
            raise CalibrationError(f"site '{op.name}' has {bound.numel()} learned bounds for {self.channels} channels")
        self.bound = bound

    def take(self, a: Tensor) -> None:
        """Nothing to find."""

    def scale(self) -> Tensor:
        return self.shaped(self.bound)


rules.register("learned", LearnedRule)
