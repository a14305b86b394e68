"""Buffers that a forward pass changes: counters and averages, which must not reach the output."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from torch import fx, nn
from torch.export import ExportedProgram
from torch.export.graph_signature import OutputKind

from isospike.errors import CaptureError
from isospike.messages import counted


def mutated_buffers(program: ExportedProgram) -> tuple[str, ...]:
    """Names of the buffers that a call of the model changes."""
    return tuple(program.graph_signature.buffers_to_mutate.values())


def check_buffers(program: ExportedProgram) -> None:
    """Refuse a model whose output depends on a buffer that it changes itself; any other change is left out.

    Raises:
        CaptureError: its second answer differs from its first.
    """
    changed = set(mutated_buffers(program))
    signature = program.graph_signature
    outputs: Any = _output(program.graph).args[0]
    specs = zip(outputs, signature.output_specs, strict=True)
    leaves = [v for v, spec in specs if spec.kind is OutputKind.USER_OUTPUT and isinstance(v, fx.Node)]
    read = {signature.inputs_to_buffers.get(node.name, "") for node in _before(leaves)}
    wrong = sorted(changed & read)
    if wrong:
        raise CaptureError(
            f"the model's output depends on {counted(len(wrong), 'buffer')} that its own forward changes ({wrong[0]}), "
            "so every call answers otherwise; change buffers under 'if self.training:' only"
        )


@contextlib.contextmanager
def unchanged(model: nn.Module, names: Iterable[str]) -> Iterator[None]:
    """Put back the buffers that calls of the model inside change."""
    before = {name: model.get_buffer(name).clone() for name in names}
    try:
        yield
    finally:
        for name, value in before.items():
            model.get_buffer(name).copy_(value)


def _before(leaves: Iterable[fx.Node]) -> set[fx.Node]:
    """All that the leaves are computed from, themselves included."""
    found, waiting = set[fx.Node](), list(leaves)
    while waiting:
        node = waiting.pop()
        if node not in found:
            found.add(node)
            waiting.extend(node.all_input_nodes)
    return found


def _output(graph: fx.Graph) -> fx.Node:
    nodes: Iterator[fx.Node] = iter(reversed(graph.nodes))
    return next(nodes)
