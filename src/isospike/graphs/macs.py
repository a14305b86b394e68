"""How many multiply-accumulates a network does."""

from __future__ import annotations

import threading
from collections.abc import Container
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from isospike.graphs.graph import Graph, argument, op_of
from isospike.graphs.op import Op
from isospike.ops import Role


def count_macs(model: nn.Module, example: Tensor) -> dict[str, int]:
    """Multiply-accumulates of convolutions and matrix products for one sample, per module that does any.

    A module counts what it computes itself, not what its children do; calls of one module count together. As usual in
    the literature, products with the zeros of a padding are counted too.

    Args:
        model: any network in eval mode, or a captured graph.
        example: a batch ``[B, ...]``; its first sample is run.
    """
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(example[:1])
    own = {path: sum(ops.values()) for path, ops in counter.get_flop_counts().items() if path != "Global"}
    for path, flops in list(own.items()):
        parent = _called_parent(path, own)
        if parent:
            own[parent] -= flops
    root = type(model).__name__
    return {path.removeprefix(root).removeprefix("."): flops // 2 for path, flops in own.items() if flops}


def macs_by_node(graph: Graph) -> dict[fx.Node, int]:
    """The same for every node of a captured or converted graph, functional calls among them.

    Attention is computed as the matrix products that it is, so that they are counted.
    """
    counter = _NodeMacs(graph)
    reference = next((t for t in graph.state_dict().values() if t.is_floating_point()), torch.empty(0))
    with _attention, torch.inference_mode(), sdpa_kernel(SDPBackend.MATH):
        counter.run(*(_nothing(op_of(node), reference) for node in graph.input_nodes))
    return counter.macs


_attention = threading.Lock()
"""How attention is computed is a setting of the process: two threads would put back each other's."""


def _nothing(op: Op, reference: Tensor) -> Tensor:
    """One sample of zeros for an input."""
    dtype = reference.dtype if op.numbers == "real" else getattr(torch, op.numbers)
    return torch.zeros(1, *op.shape, dtype=dtype, device=reference.device)


class _NodeMacs(fx.Interpreter):
    def __init__(self, graph: Graph) -> None:
        super().__init__(graph)
        self.macs: dict[fx.Node, int] = {}

    def run_node(self, n: fx.Node) -> Any:
        if n.op == "call_module" and op_of(n).role is Role.ACTIVATION:  # its value has the shape of its current
            self.macs[n] = 0
            return self.env[argument(n)]
        with FlopCounterMode(display=False) as counter:
            result = super().run_node(n)
        self.macs[n] = counter.get_total_flops() // 2
        return result


def _called_parent(path: str, called: Container[str]) -> str:
    """The nearest module above that was called itself; containers of modules are not."""
    parent = path.rpartition(".")[0]
    return parent if not parent or parent in called else _called_parent(parent, called)
