"""Whether a batch fits the inputs of a network."""

from __future__ import annotations

from torch import Tensor, fx

from isospike.graphs.graph import Graph, attribute, op_of
from isospike.inputs import Inputs, other_names
from isospike.ops import family


def misfit(graph: Graph, inputs: Inputs) -> str:
    """What is wrong with the inputs of a batch, in one line; empty where nothing is.

    Of real numbers the shape alone is looked at: what reads them checks their values.
    """
    nodes = graph.input_nodes
    if isinstance(inputs, Tensor):
        if len(nodes) > 1:
            return other_names(graph.input_names, ["one tensor without a name"])
        return _misfit_of(graph, nodes[0], inputs)
    if set(graph.input_names) != set(inputs.tensors):
        return other_names(graph.input_names, list(inputs.tensors))
    if len({len(tensor) for tensor in inputs.tensors.values()}) > 1:
        return "the inputs have different numbers of samples: " + ", ".join(
            f"{name} {len(tensor)}" for name, tensor in inputs.tensors.items()
        )
    found = (_misfit_of(graph, node, tensor) for node, tensor in zip(nodes, graph.ordered(inputs), strict=True))
    return next(filter(None, found), "")


def _misfit_of(graph: Graph, node: fx.Node, tensor: Tensor) -> str:
    op = op_of(node)
    if op.numbers == "real":
        if not tensor.is_floating_point():
            return f"the input {op.name} is {tensor.dtype}; give real numbers as floats"
    elif str(tensor.dtype) != f"torch.{op.numbers}":
        return f"the input {op.name} is {tensor.dtype}, the network takes {op.numbers}; convert it with .to()"
    elif tuple(tensor.shape[1:]) == op.shape:
        return _beyond(graph, node, tensor)
    if tensor.dim() == 1 + len(op.shape) and tuple(tensor.shape[1:]) != op.shape and len(graph.input_nodes) > 1:
        return (
            f"the input {op.name} has samples of shape {list(tensor.shape[1:])}, the network was captured with "
            f"{list(op.shape)}; pad or cut sequences to that length"
        )
    return ""


def _beyond(graph: Graph, node: fx.Node, tokens: Tensor) -> str:
    """That tokens point outside the table that is read at them."""
    tables = [user.args[0] for user in node.users if op_of(user).family is family.LOOKUP and user.args[1] is node]
    sizes = [len(attribute(graph, str(table.target))) for table in tables if isinstance(table, fx.Node)]
    if not sizes or not tokens.numel():
        return ""
    smallest, largest = int(tokens.min()), int(tokens.max())
    if smallest >= 0 and largest < min(sizes):
        return ""
    return (
        f"the input {op_of(node).name} has tokens from {smallest} to {largest}, the embedding has {min(sizes)} rows; "
        "give the tokenizer of this model"
    )
