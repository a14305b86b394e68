"""A trained network in, a trainable network with quantised activations out."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, fx, nn

from isospike.activations import Activation, TrainableActivation
from isospike.calibrate.batches import Batch, Batches
from isospike.calibrate.bounds import collect_bounds
from isospike.data.reading import Layout
from isospike.errors import CaptureError, ConversionError
from isospike.graphs import Graph, Role, capture
from isospike.graphs.export import names_taken
from isospike.graphs.graph import op_of
from isospike.messages import with_article
from isospike.precision import own_precision
from isospike.replacing import replaceable, with_rectifiers
from isospike.sites import two_sided_sites

_AVERAGE = {
    nn.MaxPool1d: nn.AvgPool1d,
    nn.MaxPool2d: nn.AvgPool2d,
    nn.MaxPool3d: nn.AvgPool3d,
    nn.AdaptiveMaxPool1d: nn.AdaptiveAvgPool1d,
    nn.AdaptiveMaxPool2d: nn.AdaptiveAvgPool2d,
    nn.AdaptiveMaxPool3d: nn.AdaptiveAvgPool3d,
}


@own_precision()
def quantise(
    model: nn.Module | Graph,
    activation: Activation | Mapping[str, Activation],
    *,
    data: Iterable[Batch] | None = None,
    average_pools: bool = False,
    replace: Sequence[str] = (),
    layout: Layout | None = None,
) -> Graph:
    """A trainable copy of a network with ``activation`` in the place of every rectifier.

    The copy is the captured graph: an ordinary module, in evaluation mode, whose parameters all take gradients. Batch
    normalisation is not folded and follows ``train()`` and ``eval()``. What the capture drops stays dropped: dropout
    and stochastic depth. Weights that the model computes from parameters are trained as they are.

    A site that already has a trained bound of the same granularity keeps it (only its levels change). Any other gets
    the bound that fits its values in ``data`` best (see `collect_bounds`), or without data the configured one, in
    either case at most the ceiling of the rectifier it replaces (6 for ReLU6).

    Functions of both signs stay: two-sided sites (LeakyReLU, hard-tanh) quantise what they are, GELU and SiLU are
    islands. ``replace=("gelu", "silu")`` puts the activation in their place, a rectifier where there was none: the
    network is another one until training has mended it, as the bit-coded paper does with BERT's GELU.

    Args:
        model: any exportable network in eval mode, or a captured graph. It is not changed.
        activation: what to put, or for every site (see ``graph.sites``) its own.
        data: calibration batches: tensors, ``(inputs, labels)`` pairs or mappings; labels are ignored.
        average_pools: whether max pools become average pools of the same windows, padding left out of the mean.
        replace: ATen names of other functions of single values in whose place the activation is to stand.
        layout: says that the data are sequences, and where their time is, see `isospike.convert`.

    Raises:
        CaptureError: the model cannot be exported or verified, or there are neither data nor a captured graph.
        ConversionError: the network has no activation, a site is missing or unknown, a max pool is dilated, or the
            network has no function to be replaced, or one that is none of single values.
        CalibrationError: the data are empty, do not fit, or a site received NaN or infinity.

    References:
        Bu et al. 2022, *Optimal ANN-SNN Conversion for High-accuracy and Ultra-low-latency SNNs*, section 4.
    """
    shape = model.input_shape if isinstance(model, Graph) else None
    batches = None if data is None else Batches(data, shape=shape, layout=layout, names=names_taken(model))
    if not isinstance(model, Graph):
        if batches is None:
            raise CaptureError("quantising a model needs an example input: give data=, or a graph from capture()")
        model = capture(model, batches.first)
    model = with_rectifiers(model, replace)
    wanted = _by_site(model, activation)
    bounds = {site: _known_bound(model, site, kind, searched=batches is not None) for site, kind in wanted.items()}
    fresh = {site: wanted[site] for site, bound in bounds.items() if bound is None}
    if batches is not None and fresh:
        bounds |= collect_bounds(model, fresh, batches)
    quantised = copy.deepcopy(model)
    for node in quantised.nodes_with(Role.ACTIVATION):
        if op_of(node).name in wanted:
            _place(quantised, node, wanted[op_of(node).name], bounds[op_of(node).name])
    for node in quantised.nodes_with(Role.MAX_POOL) if average_pools else []:
        _average(quantised, node)
    return quantised.eval().requires_grad_()


def _by_site(graph: Graph, activation: Activation | Mapping[str, Activation]) -> dict[str, Activation]:
    kept = two_sided_sites(graph)
    sites = [site for site in graph.sites if site not in kept]
    if not sites:
        raise ConversionError(
            "the network has no ReLU whose place a trainable activation could take"
            + (f"; replace={replaceable(graph)!r} puts it in the place of these" if replaceable(graph) else "")
        )
    if isinstance(activation, Activation):
        return dict.fromkeys(sites, activation)
    if not isinstance(activation, Mapping):
        named = f"the class {activation.__name__}" if isinstance(activation, type) else with_article(activation)
        raise ConversionError(
            f"the activation is {named}; give an instance such as isospike.activations.QCFS(levels=4), or one for "
            "every site"
        )
    others = {site: with_article(one) for site, one in activation.items() if not isinstance(one, Activation)}
    if others:
        raise ConversionError(f"no activations stand at the sites {others}; give instances of isospike.activations")
    missing, unknown = set(sites) - set(activation), set(activation) - set(sites)
    if missing or unknown:
        raise ConversionError(
            f"activations by site: missing {sorted(missing)}, unknown {sorted(unknown)}; see graph.sites"
        )
    return dict(activation)


def _known_bound(graph: Graph, site: str, wanted: Activation, *, searched: bool) -> Tensor | None:
    """The trained bound of a site, where it has one of the wanted granularity."""
    module = graph.get_submodule(site)
    if not isinstance(module, TrainableActivation):
        return None
    if module.activation.granularity == wanted.granularity:
        return module.bound
    if not searched:
        raise ConversionError(
            f"site '{site}' has a trained bound per {module.activation.granularity}; give data= to find one per "
            f"{wanted.granularity}"
        )
    return None


def _place(graph: Graph, node: fx.Node, activation: Activation, bound: Tensor | None) -> None:
    op, rectifier = op_of(node), graph.module_of(node)
    if isinstance(rectifier, TrainableActivation) and activation.granularity == rectifier.activation.granularity:
        new = TrainableActivation(activation, rectifier.log_bound)
    else:
        like = next(graph.parameters(), torch.empty(0))
        if bound is None:
            bound = like.new_full(_shape(graph, node, activation), activation.bound)
        bound = bound.to(like).clamp(max=getattr(rectifier, "max_val", torch.inf))
        new = TrainableActivation(activation, bound.log())
    graph.replace(node, new, dataclasses.replace(op, kind=activation.name.replace("-", "_")))


def _shape(graph: Graph, node: fx.Node, activation: Activation) -> tuple[int, ...]:
    if activation.granularity == "layer":
        return ()
    op = op_of(node)
    axis = op.channel_axis % (1 + len(op.shape))
    return (op.shape[axis - 1], *(1,) * (len(op.shape) - axis))


def _average(graph: Graph, node: fx.Node) -> None:
    op, pool = op_of(node), graph.module_of(node)
    kind = _AVERAGE[type(pool)]
    if "Adaptive" in kind.__name__:
        average = kind(pool.output_size)
    elif pool.dilation not in (1, (1,), (1, 1), (1, 1, 1)):
        raise ConversionError(f"max pool '{op.name}' is dilated; no average pool has its windows")
    else:
        average = kind(pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode, count_include_pad=False)
    graph.replace(node, average, dataclasses.replace(op, kind=op.kind.replace("max", "avg"), role=Role.LINEAR))
