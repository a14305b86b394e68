"""Streaming networks beside their ANN: how far the mean outputs are from the activations."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from isospike.data.reading import Given
from isospike.executors import Record, compile
from isospike.graphs import Graph, Role
from isospike.measure.alongside import Alongside, largest_difference, worst
from isospike.measure.certificate import Certificate, SiteError
from isospike.memory_format import channels_last
from isospike.network import SNN
from isospike.tasks import Task


@dataclass
class _Squares:
    values: int = 0
    error: float = 0.0
    size: float = 0.0


class Deviation(Alongside[SNN]):
    """Every site's answer, read out like the network's, beside the activation of the ANN.

    Args:
        folded: the model, captured and folded.
        snn: the network.
        dtype: number format in which both are run.
        task: what the answers are for.
        steps: number of steps.
        executor: that runs the network; the default of its kind for ``None``.
    """

    def __init__(
        self, folded: Graph, snn: SNN, dtype: torch.dtype, *, task: Task, steps: int, executor: str | None = None
    ) -> None:
        super().__init__(folded, snn, dtype, task=task)
        self.steps = steps
        self.probed = compile(self.snn.with_graph(with_sites(self.snn.graph)), executor)
        self.reference = with_sites(self.snn.ann())
        self.squares = {site: _Squares() for site in snn.sites}

    def add(self, given: Given) -> None:
        """Run both and compare."""
        x = channels_last(given.still)
        answer, means = self.probed.run(given.inputs, steps=self.steps, record=Record(outputs=False)).output
        expected, activations = self.reference(x)
        for squares, mean, activation in zip(self.squares.values(), means, activations, strict=True):
            squares.values += mean.numel()
            squares.error += (mean - activation).double().square().sum().item()
            squares.size += activation.double().square().sum().item()
        self.output_error = worst(self.output_error, largest_difference(answer, expected))
        self.add_model(x, answer)

    def certificate(self) -> Certificate:
        """Errors, and no claim of equality."""
        sites = tuple(
            SiteError(site, s.values, (s.error / s.size if s.size else s.error) ** 0.5)
            for site, s in self.squares.items()
        )
        return self.conclude(sites, steps=self.steps, equal=False, tolerance=0.0)


def with_sites(graph: Graph) -> Graph:
    """A view that puts out its answer and the outputs of all sites."""
    view = graph.view()
    output = view.output_node
    output.args = ((output.args[0], view.nodes_with(Role.ACTIVATION)),)
    return view
