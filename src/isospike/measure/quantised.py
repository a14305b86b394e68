"""The quantised ANN, which follows a network's codes where rounding alone decides between two of them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from isospike.graphs import Graph, Role
from isospike.graphs.graph import op_of
from isospike.graphs.islands import sites_behind_islands
from isospike.graphs.verify import RELATIVE_TOLERANCE
from isospike.inputs import Inputs
from isospike.network import EmittingNetwork
from isospike.neurons import Emitter, InputGrid, QuantisedActivation, activation_at_rest
from isospike.refine import put_on_grid
from isospike.sites import with_offsets

Codes = Mapping[str, Tensor]
"""Whole numbers by site, int64 ``[B, ...]``."""


@dataclass(frozen=True)
class Answer:
    """What the quantised ANN makes of a batch beside a network's codes."""

    output: Any
    codes: dict[str, Tensor]
    """What the network's codes must be: the ANN's own, but for those flipped."""
    flipped: dict[str, Tensor]
    """By site behind islands, where the network's code is another than the ANN's own and rounding explains it."""


class QuantisedANN:
    """The model with its own trained quantisers, or with a network's where it has none.

    Behind an island, a softmax or a norm, currents have no common grid: the ANN and the network round them differently,
    and where one lies next to a threshold, their codes differ by one level. What reads this code then differs by more
    than rounding; so the ANN goes on with the network's code, and every site is judged by the codes in front of it.

    Args:
        folded: the model, captured, folded and prepared like the network.
        snn: the network.
        dtype: number format in which both are run.
    """

    def __init__(self, folded: Graph, snn: EmittingNetwork, dtype: torch.dtype) -> None:
        self.graph = quantised_ann(folded, snn).to(dtype)
        self.rounding = RELATIVE_TOLERANCE.get(dtype, 0.0)
        self.behind = sites_behind_islands(self.graph)
        self.followed: Codes = {}
        self.seen, self.flipped = dict[str, Tensor](), dict[str, Tensor]()
        for site in snn.sites:
            self.graph.get_submodule(site).register_forward_hook(self._watch(site))

    def answer(self, x: Inputs, followed: Codes) -> Answer:
        """Run on a batch beside a network's codes ``followed``."""
        self.followed, self.seen, self.flipped = followed, {}, {}
        output = self.graph(x)
        return Answer(output, self.seen, self.flipped)

    def goes_alike(self, codes: Codes, others: Codes) -> bool:
        """Whether it answers alike beside either: they are the same behind islands."""
        return all(torch.equal(codes[site], others[site]) for site in self.behind)

    def _watch(self, site: str) -> Callable[[nn.Module, tuple[Tensor], Tensor], Tensor]:
        def hook(neuron: nn.Module, args: tuple[Tensor], out: Tensor) -> Tensor:
            assert isinstance(neuron, Emitter)  # as torch types its hooks
            self.seen[site] = neuron.codes(args[0]).long()
            if site not in self.behind or site not in self.followed:
                return out
            return self._follow(site, neuron, args[0], out)

        return hook

    def _follow(self, site: str, neuron: Emitter, z: Tensor, out: Tensor) -> Tensor:
        own, found = self.seen[site], self.followed[site]
        flipped = self.flipped[site] = rounding_decides(neuron, z, (own, found), relative=self.rounding)
        if not flipped.any():
            return out
        self.seen[site] = torch.where(flipped, found, own)
        return torch.where(flipped, found.to(out.dtype) * neuron.amplitude, out)


def rounding_decides(neuron: Emitter, z: Tensor, codes: tuple[Tensor, Tensor], *, relative: float) -> Tensor:
    """Where two codes are neighbours and the current is as near to the threshold between them as rounding brings it.

    ``|f(z) + v_init - u max(k, k')| <= relative * max |z|``, the largest current of the same sample: sums of this
    size were rounded on the way. `RELATIVE_TOLERANCE` is many roundings, of an island's own sums too.

    Args:
        neuron: of the quantised ANN.
        z: its total currents ``[B, ...]``.
        codes: the ANN's and the network's.
        relative: of the largest current.
    """
    value = neuron.quantised(z)
    sizes = torch.maximum(value.abs(), z.abs()).nan_to_num(0.0, 0.0, 0.0)  # infinity would allow everything
    rounding = relative * sizes.flatten(1).amax(1).view(-1, *(1,) * (z.dim() - 1))
    between = torch.maximum(*codes).to(z.dtype) * neuron.safe_unit
    near = (value + neuron.v_init - between).abs() <= rounding
    return near & ((codes[0] - codes[1]).abs() == 1)


def trained_quantiser(activation: nn.Module, neuron: Emitter) -> QuantisedActivation | None:
    """The model's own quantiser of a site, where it was trained with as many levels as the neuron has."""
    rest = activation_at_rest(activation)
    return rest if isinstance(rest, QuantisedActivation) and rest.levels == neuron.levels else None


def quantised_ann(folded: Graph, snn: EmittingNetwork) -> Graph:
    """The model with its own or the network's quantisers, on the binary grid if the network is."""
    reference = with_offsets(folded, snn.graph)
    for node in reference.nodes_with(Role.ACTIVATION):
        neuron = snn.neuron(op_of(node).name)
        own = trained_quantiser(folded.module_of(node), neuron)
        unit, v_init = (neuron.unit, neuron.v_init) if own is None else (own.unit, own.v_init)
        reference.replace(node, neuron.rescaled(unit.clone(), v_init.clone(), amplitude=unit.clone()))
    grids = [module for module in snn.graph.modules() if isinstance(module, InputGrid)]
    return put_on_grid(reference, grids[0].limit) if grids else copy.deepcopy(reference)
