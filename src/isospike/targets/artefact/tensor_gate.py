"""What the numbers of a file must be, whatever the graph does with them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, fx

from isospike.errors import ArtefactError
from isospike.graphs.graph import Graph, attribute, op_of
from isospike.memory_format import broadcasts_to
from isospike.targets.artefact.arguments import check_call

NOT_NEGATIVE = frozenset({"v_threshold", "unit", "bound"})
"""Tensors of neurons and activations that are sizes."""


def check_neuron_tensors(tensors: Mapping[str, Tensor], sample: torch.Size) -> None:
    """Tensors of a neuron broadcast to one sample; a bias has a time axis more.

    Raises:
        ValueError: one does not.
    """
    for path, tensor in tensors.items():
        timed = path.rpartition(".")[2] == "bias"
        has_time = tensor.dim() > 0 and len(tensor) > 0
        if not broadcasts_to(tensor.shape[1:] if timed else tensor.shape, sample) or (timed and not has_time):
            raise ValueError(f"{path} has the shape {list(tensor.shape)}, its input {list(sample)}")


def check_tensors(graph: Graph) -> None:
    """Every number is finite, sizes are not negative, and positions lie inside what they point into.

    Raises:
        ArtefactError: a tensor has other numbers.
    """
    constants = {str(node.target) for node in graph.graph.nodes if node.op == "get_attr"}
    for name, tensor in graph.state_dict().items():
        if name not in constants:
            check_numbers(name, tensor)
        elif tensor.is_floating_point() and bool(tensor.isnan().any()):  # an attention mask has infinities
            raise ArtefactError(f"{name} holds values that are no numbers")
    for node in graph.op_nodes():
        record = op_of(node).record
        if record is not None and record.selects:
            _check_positions(graph, node)


def check_numbers(name: str, tensor: Tensor) -> None:
    """One tensor by its name.

    Raises:
        ArtefactError: a value is not finite, or a size is negative.
    """
    if not tensor.is_floating_point() or not tensor.numel():
        return
    smallest, largest = (bound.item() for bound in tensor.aminmax())  # one pass; what is no number comes through
    if not math.isfinite(smallest) or not math.isfinite(largest):
        raise ArtefactError(f"{name} holds values that are no numbers or infinite")
    if name.rpartition(".")[2] in NOT_NEGATIVE and smallest < 0:
        raise ArtefactError(f"{name} holds negative values")


def _check_positions(graph: Graph, node: fx.Node) -> None:
    assert isinstance(node.target, torch._ops.OpOverload)
    given = check_call(node.target, node.args, node.kwargs)
    source, axis, positions = given["self"], given["dim"], given["index"]
    if not isinstance(source, fx.Node) or not isinstance(positions, fx.Node) or positions.op != "get_attr":
        raise ArtefactError(f"{op_of(node).name} selects positions that are no constant")
    shape = (math.inf, *op_of(source).shape)
    places = attribute(graph, str(positions.target))
    inside = places.dtype in (torch.int32, torch.int64) and bool(((places >= 0) & (places < shape[axis])).all())
    if places.dim() > 1 or not inside:
        raise ArtefactError(f"{op_of(node).name} selects positions outside its input")
