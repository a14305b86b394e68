"""Whether a captured network can be converted: everything that stands against it, at once."""

from __future__ import annotations

from collections.abc import Container
from typing import Literal

from torch import Tensor, fx, nn

from isospike.errors import ConversionError
from isospike.graphs.graph import Graph, attribute, op_of, output_leaves
from isospike.graphs.op import Op
from isospike.graphs.refusals import listed, refusals
from isospike.messages import counted
from isospike.ops import Family, Role
from isospike.options import check_arguments
from isospike.scales.learned import check_bound

Analogue = Literal["refuse", "allow"]
"""What to do with ops that no neuron can stand for: refuse, or compute them on decoded values."""


def check_convertible(graph: Graph, analogue: Analogue, *, tail: Container[Family | None] = frozenset()) -> None:
    """Refuse a network that no method can convert.

    Args:
        graph: the captured network.
        analogue: whether ops that are not affine may stay analogue.
        tail: families of ops that may at the very end, whatever ``analogue`` says.

    Raises:
        ConversionError, CalibrationError: as `check_roles` and `check_weights`.
        OptionError: ``analogue`` is another word.
    """
    check_arguments(Analogue, analogue=analogue)
    check_roles(graph, analogue, tail=tail)
    check_weights(graph)


def check_roles(graph: Graph, analogue: Analogue, *, tail: Container[Family | None] = frozenset()) -> None:
    """Refuse what cannot be converted, everything at once; see `check_convertible`.

    Raises:
        ConversionError: unsupported ops, or analogue ones that are not allowed; all are listed.
    """
    analogue_ops = [op for op in graph.ops if op.role is Role.ANALOGUE]
    parts = refusals(graph, allowed=analogue_ops if analogue == "allow" else _tail(graph, tail))
    if parts:
        raise ConversionError("cannot convert: " + "; and ".join(parts))


def _tail(graph: Graph, families: Container[Family | None]) -> list[Op]:
    """Analogue ops of these families between the outputs and the first other op before them."""
    found, waiting = list[Op](), output_leaves(graph.output_node)
    while waiting:
        node = waiting.pop()
        op = op_of(node) if node.op in ("call_module", "call_function") else None
        if op is not None and op.role is Role.ANALOGUE and op.family in families:
            found.append(op)
            waiting += [source for source in node.all_input_nodes if source.op != "get_attr"]
    return found


def check_weights(graph: Graph) -> None:
    """Refuse weights that are not finite, behind the last neuron too, where no current shows them.

    Constants that are no parameters may be infinite: attention masks are. Learned bounds must be positive besides.

    Raises:
        ConversionError: NaN or infinity in the weights of ops; all are listed.
        CalibrationError: a learned bound is not positive and finite.
    """
    for node in graph.nodes_with(Role.ACTIVATION):
        check_bound(op_of(node).name, graph.module_of(node))
    wrong = [op_of(node) for node in graph.op_nodes() if not _is_finite(graph, node)]
    if wrong:
        raise ConversionError(
            f"cannot convert: NaN or infinity in the weights of {counted(len(wrong), 'op')}: {listed(wrong)}; "
            "train or load the model again"
        )


def _is_finite(graph: Graph, node: fx.Node) -> bool:
    constants = [attribute(graph, str(source.target)) for source in node.all_input_nodes if source.op == "get_attr"]
    weights: list[Tensor] = [constant for constant in constants if isinstance(constant, nn.Parameter)]
    if node.op == "call_module" and op_of(node).role is not Role.ACTIVATION:
        module = graph.module_of(node)
        weights += [*module.parameters(), *module.buffers()]
    return all(bool(w.isfinite().all()) for w in weights) and not any(bool(c.isnan().any()) for c in constants)
