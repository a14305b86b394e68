"""The `collapsed` executor: one pass of the quantised network gives every code, hence every spike."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from isospike.capture.graph import argument, op_of
from isospike.neurons import Emitter
from isospike.simulate.trains import TrainProgram
from isospike.simulate.walk import Walk, call


class Collapsed(Walk):
    """Values are totals ``[B, ...]``: the time of one pass of the quantised ANN, whatever T.

    Every train is a function of its code and every map between neurons is affine, so totals are all that matters.
    Inhibitory events depend on the order of the currents and stay unknown.
    """

    def __init__(self, program: TrainProgram, *, keep_codes: bool) -> None:
        super().__init__(program, keep_codes=keep_codes)
        self.inhibits = False

    @staticmethod
    def elements(program: TrainProgram) -> int:
        """One value for every sequence."""
        return program.peak(dict.fromkeys(program.steps, 1))

    def inhibitory(self) -> dict[str, Tensor] | None:
        """Unknown where there are any."""
        return None if self.inhibits else {}

    def enter(self, x: Tensor) -> Tensor:
        """The image."""
        return x

    def leave(self, value: Tensor) -> Tensor:
        """The total."""
        return value

    def value(self, node: fx.Node) -> Any:
        """The total of a node."""
        graph = self.program.graph
        module = graph.module_of(node) if node.op == "call_module" else None
        if isinstance(module, Emitter):
            return self._emit(node, module)
        return call(graph, node, self.values)

    def _emit(self, node: fx.Node, neuron: Emitter) -> Tensor:
        values = neuron.codes(self.values[argument(node)])
        site = op_of(node).name
        self.spikes[site] = neuron.code.count(_histogram(values, neuron.levels), neuron.steps)
        self.inhibits |= neuron.inhibits
        if self.keep_codes:
            self.codes[site] = values.long()
        return values * neuron.amplitude


def _histogram(codes: Tensor, levels: int) -> Tensor:
    """How often every code occurs in every sample: int64 ``[B, levels + 1]``."""
    flat = codes.flatten(1)
    bins = levels + 1
    offset = torch.arange(len(flat), device=flat.device).mul_(bins).unsqueeze(1)
    return torch.bincount((flat.long() + offset).flatten(), minlength=len(flat) * bins).view(-1, bins)
