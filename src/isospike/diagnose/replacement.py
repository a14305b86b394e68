"""The network with one site made exact, and what that gives back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from isospike.capture import Role
from isospike.capture.graph import op_of
from isospike.diagnose.pairing import nodes_by_name
from isospike.executors import Record, simulate
from isospike.memory_format import channels_last
from isospike.network import SNN


def answer(snn: SNN, x: Tensor, steps: int) -> Any:
    """The network's own answer."""
    return simulate(snn, x, steps=snn.steps_like(steps), record=Record(outputs=False, spikes=False)).output


def answer_with_exact_site(snn: SNN, site: str, x: Tensor, steps: int) -> Any:
    """The answer of the network in which one site is the activation of its mean (or total) current.

    The site becomes an analogue island: with ``m_t`` the mean of its currents up to step t it puts out
    ``t f(m_t) - (t - 1) f(m_(t-1))``, whose mean is ``f`` of the mean current at every step. All other neurons stay.
    """
    view = snn.graph.view()
    node = nodes_by_name(view)[site]
    view.replace(node, snn.neuron(site).source(), replace(op_of(node), role=Role.ANALOGUE))
    if not view.sites:  # nothing spikes any more: the answer of every step is that of the whole run
        return view(channels_last(x))
    return answer(snn.with_graph(view), x, steps)


class Score:
    """How many answers are right, and how far the outputs are from the model's.

    Dense outputs ``[B, classes, ...]`` count place by place; of several outputs the first with classes counts. Where no
    output has any, `share` is 1 and the error of the outputs alone tells networks apart.
    """

    def __init__(self) -> None:
        self.right = self.total = 0
        self.error = self.size = 0.0

    def add(self, got: Any, expected: Any, labels: Tensor | None) -> None:
        """Add a batch: the answer, the model's, and the labels ``[B]`` where top-1 accuracy is wanted."""
        pairs = list(zip(_tensors(got), _tensors(expected), strict=True))
        for y, z in pairs:
            self.error += (y - z).double().square().sum().item()
            self.size += z.double().square().sum().item()
        classes = next(((y, z) for y, z in pairs if y.dim() >= 2 and y.shape[1] > 1), None)
        if classes is not None:
            found = classes[0].argmax(1)
            wanted = classes[1].argmax(1) if labels is None else labels.to(found.device)
            self.right += int((found == wanted).sum())
            self.total += found.numel()

    @property
    def share(self) -> float:
        """Part of the answers that are right."""
        return self.right / self.total if self.total else 1.0

    @property
    def output_error(self) -> float:
        """Root mean square of the difference of the outputs, over that of the model's outputs."""
        return float((self.error / self.size if self.size else self.error) ** 0.5)


def _tensors(outputs: Any) -> list[Tensor]:
    return [leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, Tensor)]


def are_labels(labels: Tensor, x: Tensor, output: Any) -> bool:
    """Whether a tensor holds whole numbers ``[B]`` for one output ``[B, classes]``."""
    whole = not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)
    return whole and labels.shape == x.shape[:1] and isinstance(output, Tensor) and output.dim() == 2
