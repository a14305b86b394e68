"""Whether a batch fits the inputs of a network."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, fx

from isospike.graphs.graph import Graph, attribute, call, op_of
from isospike.inputs import Inputs, other_names
from isospike.messages import first_line
from isospike.ops import family
from isospike.ops.forms.rewriter import given as given_arguments


def misfit(graph: Graph, inputs: Inputs) -> str:
    """What is wrong with the inputs of a batch, in one line; empty where nothing is.

    Of real numbers the shape alone is looked at: what reads them checks their values.
    """
    nodes = graph.input_nodes
    if isinstance(inputs, Tensor):
        if len(nodes) > 1:
            return other_names(graph.input_names, ["one tensor without a name"])
        return _misfit_of(graph, {nodes[0]: inputs})
    if set(graph.input_names) != set(inputs.tensors):
        return other_names(graph.input_names, list(inputs.tensors))
    if len({len(tensor) for tensor in inputs.tensors.values()}) > 1:
        return "the inputs have different numbers of samples: " + ", ".join(
            f"{name} {len(tensor)}" for name, tensor in inputs.tensors.items()
        )
    return _misfit_of(graph, dict(zip(nodes, graph.ordered(inputs), strict=True)))


def _misfit_of(graph: Graph, given: Mapping[fx.Node, Tensor]) -> str:
    wrong = next(filter(None, (_unlike(node, tensor, alone=len(given) == 1) for node, tensor in given.items())), "")
    tokens = {node: tensor for node, tensor in given.items() if op_of(node).numbers != "real"}
    if wrong or any(tuple(tensor.shape[1:]) != op_of(node).shape for node, tensor in tokens.items()):
        return wrong
    return _beyond(graph, tokens) if tokens else ""


def _unlike(node: fx.Node, tensor: Tensor, *, alone: bool) -> str:
    """That an input is of another kind, or where there are several, of another shape."""
    op = op_of(node)
    if op.numbers == "real":
        if not tensor.is_floating_point():
            return f"the input {op.name} is {tensor.dtype}; give real numbers as floats"
    elif str(tensor.dtype) != f"torch.{op.numbers}":
        return f"the input {op.name} is {tensor.dtype}, the network takes {op.numbers}; convert it with .to()"
    if tensor.dim() == 1 + len(op.shape) and tuple(tensor.shape[1:]) != op.shape and not alone:
        return (
            f"the input {op.name} has samples of shape {list(tensor.shape[1:])}, the network was captured with "
            f"{list(op.shape)}; pad or cut sequences to that length"
        )
    return ""


def _beyond(graph: Graph, given: Mapping[fx.Node, Tensor]) -> str:
    """That tokens, or places that are computed from them, point outside the table that is read at them."""
    values = dict(given)
    for node in graph.op_nodes():
        op = op_of(node)
        if op.family is family.LOOKUP:
            wrong = _outside(graph, node, values)
            if wrong:
                return wrong
        elif op.numbers != "real":
            try:
                values[node] = call(graph, node, lambda source: _value(graph, source, values))
            except Exception as error:  # torch raises errors of many types, of a division by zero for one
                return f"{op.name} cannot be computed of these tokens and masks: {first_line(error)}; give others"
    return ""


def _outside(graph: Graph, node: fx.Node, values: Mapping[fx.Node, Tensor]) -> str:
    arguments = given_arguments(node)
    table, source = arguments["weight"], arguments["indices"]
    rows, places = len(_value(graph, table, values)), _value(graph, source, values)
    if not places.numel():
        return ""
    smallest, largest = int(places.min()), int(places.max())
    if smallest >= 0 and largest < rows:
        return ""
    if source.op == "placeholder":
        return (
            f"the input {op_of(source).name} has tokens from {smallest} to {largest}, the embedding has {rows} rows; "
            "give the tokenizer of this model"
        )
    return (
        f"the inputs lead to the places {smallest} to {largest} of {op_of(node).name}, which has {rows} rows; give "
        "masks of zeros and ones, and no more tokens than the model has positions"
    )


def _value(graph: Graph, node: fx.Node, values: Mapping[fx.Node, Tensor]) -> Tensor:
    return attribute(graph, str(node.target)) if node.op == "get_attr" else values[node]
