"""What gives a network's answers."""

from __future__ import annotations

from torch import fx

from isospike.graphs.graph import Graph, op_of, output_leaves
from isospike.ops import family
from isospike.tasks import Task


def check_task(task: Task, graph: Graph) -> None:
    """Refuse a task that a network's outputs are no answers to.

    Raises:
        TaskError: they are none, or the last ops make something else of them.
    """
    task.check_outputs(graph.output_shapes)
    task.check_ending(graph.output_shapes, [_giver(leaf) for leaf in output_leaves(graph.output_node)])


def _giver(node: fx.Node) -> str:
    """ATen name of the last op before a node that does more than move values; empty where an input is put out."""
    while node.op in ("call_module", "call_function") and op_of(node).family in (family.MOVE, family.RESHAPE):
        node = node.all_input_nodes[0]
    return op_of(node).kind if node.op in ("call_module", "call_function") else ""
