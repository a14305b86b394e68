"""The network with one site made exact, and what that gives back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from isospike.data.reading import Given
from isospike.diagnosis.pairing import nodes_by_name
from isospike.executors import Record, simulate
from isospike.graphs import Role
from isospike.graphs.graph import op_of
from isospike.inputs import Inputs
from isospike.memory_format import channels_last
from isospike.network import SNN
from isospike.tasks import Judge, Measured, tensors_of


def answer_of(snn: SNN, x: Inputs, steps: int) -> Any:
    """The network's own answer."""
    return simulate(snn, x, steps=snn.steps_like(steps), record=Record(outputs=False, spikes=False)).output


def answer_with_exact_site(snn: SNN, site: str, given: Given, *, steps: int) -> Any:
    """The answer of the network in which one site is the activation of its mean (or total) current.

    The site becomes an analogue island: with ``m_t`` the mean of its currents up to step t it puts out
    ``t f(m_t) - (t - 1) f(m_(t-1))``, whose mean is ``f`` of the mean current at every step. All other neurons stay.
    """
    view = snn.graph.view()
    node = nodes_by_name(view)[site]
    view.replace(node, snn.neuron(site).source(), replace(op_of(node), role=Role.ANALOGUE))
    if not view.sites:  # nothing spikes any more: the answer of every step is that of the whole run
        return view(channels_last(given.still))
    return answer_of(snn.with_graph(view), given.inputs, steps)


class Replaced:
    """The figures of answers, and how far the outputs are from the model's.

    Args:
        judge: how answers are judged.
    """

    def __init__(self, judge: Judge) -> None:
        self.judge = judge
        self.score, self.agreement = judge.score(), judge.agreement()
        self.error = self.size = 0.0

    def add(self, got: Any, expected: Any, targets: Any) -> None:
        """Add a batch: the answer, the model's, and the targets as the judge reads them, where there are some."""
        for y, z in zip(tensors_of(got), tensors_of(expected), strict=True):
            self.error += (y - z).double().square().sum().item()
            self.size += z.double().square().sum().item()
        found = self.judge.decide(got)
        if targets is None:
            self.agreement.update(found, self.judge.decide(expected))
        else:
            self.score.update(found, targets)

    @property
    def measured(self) -> Measured:
        """The score, or without targets the agreement."""
        return (self.score if self.judge.labelled else self.agreement).value()

    @property
    def output_error(self) -> float:
        """Root mean square of the difference of the outputs, over that of the model's outputs."""
        return float((self.error / self.size if self.size else self.error) ** 0.5)
