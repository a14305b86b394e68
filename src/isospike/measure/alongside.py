"""A comparison that runs over batches and ends in a certificate."""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from isospike.data.reading import Given
from isospike.graphs import Graph, Role
from isospike.inputs import Inputs
from isospike.measure.certificate import Certificate, SiteEquality, SiteError
from isospike.network import SNN
from isospike.neurons import activation_at_rest
from isospike.tasks import Judge, Task

N = TypeVar("N", bound=SNN)


class Alongside(ABC, Generic[N]):
    """A network beside the model that it was converted from.

    Args:
        folded: the model, captured and folded.
        snn: the network.
        dtype: number format in which both are run.
        task: what the answers are for.
    """

    def __init__(self, folded: Graph, snn: N, dtype: torch.dtype, *, task: Task) -> None:
        self.ann = _at_rest(folded).to(dtype)
        self.snn = copy.deepcopy(snn).to(dtype)
        self.dtype = dtype
        self.images = 0
        self.largest = self.output_error = self.model_error = 0.0
        self.judge = Judge(task, snn.graph.output_shapes)
        self.agreement = self.judge.agreement()

    @abstractmethod
    def add(self, given: Given) -> None:
        """Compare on one batch."""

    @abstractmethod
    def certificate(self) -> Certificate:
        """What all batches showed."""

    def add_model(self, x: Inputs, answer: Any) -> None:
        """Measure the network's answer beside the model's own."""
        own = self.ann(x)
        self.images += len(x)
        self.largest = worst(self.largest, *(leaf.abs().max().item() for leaf in _tensors(own)))
        self.model_error = worst(self.model_error, largest_difference(answer, own))
        self.agreement.update(self.judge.decide(answer), self.judge.decide(own))

    def conclude(
        self,
        sites: tuple[SiteEquality, ...] | tuple[SiteError, ...],
        *,
        steps: int,
        equal: bool,
        tolerance: float,
        flip_tolerance: float | None = None,
    ) -> Certificate:
        """The certificate of what was found at the sites."""
        return Certificate(
            method=self.snn.provenance.method,
            kind=self.snn.kind.value,
            dtype=str(self.dtype).removeprefix("torch."),
            images=self.images,
            steps=steps,
            equal=equal and math.isfinite(self.largest) and self.output_error <= tolerance,
            sites=sites,
            output_error=self.output_error,
            tolerance=tolerance,
            flip_tolerance=flip_tolerance,
            model_error=self.model_error / self.largest if self.largest else self.model_error,
            task=self.judge.task.name(),
            agreed=self.agreement.value(),
        )


def _at_rest(folded: Graph) -> Graph:
    """A copy whose trained activations have the bounds of their own number format, as the neurons have them."""
    rest = folded.view()
    for node in rest.nodes_with(Role.ACTIVATION):
        rest.replace(node, activation_at_rest(rest.module_of(node)))
    return copy.deepcopy(rest)


def largest_difference(a: Any, b: Any) -> float:
    """The largest difference of two outputs of one structure."""
    return worst(*differences(a, b))


def differences(a: Any, b: Any) -> list[float]:
    """The largest difference of every tensor of two outputs of one structure."""
    return [(y - z).abs().max().item() for y, z in zip(_tensors(a), _tensors(b), strict=True)]


def worst(*errors: float) -> float:
    """The largest; NaN where one of them is, which ``max`` would pass over."""
    return math.nan if any(map(math.isnan, errors)) else max(errors)


def _tensors(outputs: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, Tensor)]
