"""Networks made ready to run, for loops that run one many times."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from isospike.errors import SimulationError
from isospike.executors.exits import ExitRule
from isospike.executors.run import Record, Run, State
from isospike.executors.runner import Runner
from isospike.inputs import Inputs
from isospike.network import SNN

DEFAULT_MEMORY_BUDGET = 64 * 2**20
"""Bytes for the values of one chunk; larger chunks leave the processor's caches and gain nothing."""


class Compiled:
    """A network and what an executor makes of it, kept from one run to the next; see `compile`.

    Args:
        network: the network.
        executor: see `isospike.simulate`.

    Raises:
        SimulationError: no network, or the executor runs others.
        UnknownNameError: no such executor.
    """

    def __init__(self, network: SNN, executor: str | None = None) -> None:
        self._runner = Runner(network, executor)
        self._made_from = _parts(network)

    @property
    def network(self) -> SNN:
        """The network."""
        return self._runner.network

    def __call__(self, x: Inputs, *, steps: int | None = None) -> Any:
        """The answer after ``steps`` steps, structured like the model's output."""
        return self.run(x, steps=steps, record=Record(outputs=False, spikes=False)).output

    def run(
        self,
        x: Inputs,
        *,
        steps: int | None = None,
        record: Record | None = None,
        memory_budget: int = DEFAULT_MEMORY_BUDGET,
        state: State | None = None,
        exit: ExitRule | None = None,
    ) -> Run:
        """One run; see `isospike.simulate`.

        Raises:
            SimulationError: the network was changed meanwhile; or see `isospike.simulate`.
        """
        if not _same(self._made_from, _parts(self.network)):
            raise SimulationError("the network was changed after it was compiled; compile it again")
        return self._runner.run(x, steps, record=record, memory_budget=memory_budget, state=state, exit=exit)


def compile(network: SNN, executor: str | None = None) -> Compiled:
    """A network made ready for an executor, to be run many times.

    `isospike.simulate` and a call of the network compile anew each time, so that they always run what would be saved.
    What this gives refuses to run once the network was changed; writes through ``.data`` go unseen.

    Args:
        network: the network.
        executor: see `isospike.simulate`.

    Raises:
        SimulationError: no network, or the executor runs others.
        UnknownNameError: no such executor.
    """
    return Compiled(network, executor)


def _parts(network: SNN) -> list[Any]:
    """All that a network consists of: its nodes, its modules, its tensors and how often each was written to."""
    nodes = [part for node in network.graph.graph.nodes for part in (node, node.target, node.args, node.kwargs)]
    found: list[Any] = [*nodes, network.times]
    for module in network.modules():
        found.append(module)
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                found += (tensor, tensor.data_ptr(), tensor.dtype, 0 if tensor.is_inference() else tensor._version)
    return found


def _same(before: list[Any], now: list[Any]) -> bool:
    """Whether all parts are the same objects, or equal where they are plain values."""
    return len(before) == len(now) and all(
        a is b or (not isinstance(a, Tensor | nn.Module) and a == b) for a, b in zip(before, now, strict=True)
    )
