"""Moments of currents without data: from batch normalisations, through what lies between them and a site."""

from __future__ import annotations

import math

import torch
from torch import Tensor, fx

from isospike.errors import CalibrationError
from isospike.graphs.graph import Graph, call, op_of
from isospike.graphs.normalised import ChannelMoments, noted
from isospike.neurons.quantiser import is_signed
from isospike.ops import Role, family
from isospike.ops.two_sided import TwoSided

OTHERWISE = "choose a rule that sees data, such as scale='gaussian' (--scale gaussian)"
MOVES = (family.MOVE, family.RESHAPE, family.FILL, family.JOIN)


def normal_moments(graph: Graph, node: fx.Node) -> ChannelMoments:
    """Mean and variance of every channel of a value, as if all currents were normal and branches independent.

    Behind a batch normalisation they are ``beta`` and ``gamma^2``; of a sum the sums of those of its branches; behind a
    rectifier of ``N(mu, s^2)``, with the density p and the distribution Phi of a standard normal number at ``mu / s``,

        E a = mu Phi + s p,    E a^2 = (mu^2 + s^2) Phi + mu s p

    (its ceiling, if it has one, is left out); padding counts with zeros; an average pool leaves both as they are, the
    variance that of windows whose values are all alike, the most that it can be.

    Raises:
        CalibrationError: the value comes from something else, without a batch normalisation behind it.
    """
    known, op = noted(node), op_of(node)
    if known is not None:
        return known
    if op.role is Role.ACTIVATION:
        return _behind(graph, node)
    if op.family in (*MOVES, family.ADD, family.AVERAGE_POOL):
        sources = {s: normal_moments(graph, s) for s in node.all_input_nodes if s.op != "get_attr"}
        if op.family is family.AVERAGE_POOL:
            (only,) = sources.values()
            return only
        return _of_several(graph, node, sources)
    raise CalibrationError(
        f"'{op.name}' ({op.kind}) has no batch normalisation behind it, so nothing is known of its values without "
        f"data; {OTHERWISE}"
    )


def _behind(graph: Graph, site: fx.Node) -> ChannelMoments:
    """Those of an activation's outputs."""
    activation = graph.module_of(site)
    before = normal_moments(graph, site.all_input_nodes[0])
    if is_signed(activation) and not isinstance(activation, TwoSided):
        return before
    if isinstance(activation, TwoSided):
        raise CalibrationError(f"the moments behind '{op_of(site).name}' are known for rectifiers alone; {OTHERWISE}")
    mu, s = before.mean, before.variance.sqrt()
    at = mu / s.clamp(min=torch.finfo(s.dtype).tiny)
    share, density = torch.special.ndtr(at), torch.exp(-at.square() / 2) / math.sqrt(2 * math.pi)
    mean = mu * share + s * density
    square = (mu.square() + before.variance) * share + mu * s * density
    return ChannelMoments(mean, (square - mean.square()).clamp(min=0))


def _of_several(graph: Graph, node: fx.Node, sources: dict[fx.Node, ChannelMoments]) -> ChannelMoments:
    """Of what moves, joins or adds values: the op itself says where they go."""

    def through(values: dict[fx.Node, Tensor]) -> Tensor:
        result: Tensor = call(graph, node, lambda s: values[s] if s in values else call(graph, s, values.__getitem__))
        return result

    means = through({source: _spread(source, known.mean) for source, known in sources.items()})
    nothing = {source: _spread(source, torch.zeros_like(known.mean)) for source, known in sources.items()}
    kept = through(nothing)
    variances = torch.zeros_like(means)
    for source, known in sources.items():
        # One after the other: the variance of a difference is the sum of the variances.
        alone = through({**nothing, source: _spread(source, known.variance)})
        variances += (alone - kept).abs()
    return ChannelMoments(_by_channel(node, means), _by_channel(node, variances))


def _spread(node: fx.Node, values: Tensor) -> Tensor:
    """One value for each channel over a whole sample ``[1, ...]``."""
    shape, axis = op_of(node).shape, op_of(node).channel_axis
    return values.view(-1, *(1,) * (len(shape) - axis)).expand(1, *shape) if axis > 0 else values.expand(1, *shape)


def _by_channel(node: fx.Node, values: Tensor) -> Tensor:
    """``[C]``, where all places of a channel agree."""
    rows = values.movedim(op_of(node).channel_axis, 0).flatten(1)
    if not torch.equal(rows.amax(1), rows.amin(1)):
        raise CalibrationError(
            f"the places of a channel behind '{op_of(node).name}' ({op_of(node).kind}) have different moments; "
            f"{OTHERWISE}"
        )
    return rows[:, 0].clone()
