"""Networks with signed sites, put there by hand: tests of what serves them depend on no placing."""

from __future__ import annotations

from dataclasses import replace

from torch import nn

import isospike as iso
from isospike.graphs.graph import attach, op_of
from isospike.ops import Role
from isospike.ops.signed_site import SignedSite


def with_signed_site(graph: iso.Graph, behind: str, name: str = "signed") -> iso.Graph:
    """A view with a signed site behind the op of a name."""
    view = graph.view()
    (source,) = (node for node in view.op_nodes() if op_of(node).name == behind)
    attach(view, name, SignedSite())
    with view.graph.inserting_after(source):
        node = view.graph.call_module(name, (source,))
    source.replace_all_uses_with(node, delete_user_cb=lambda user: user is not node)
    node.meta["op"] = replace(op_of(source), name=name, kind="signed_site", role=Role.ACTIVATION, reason="")
    return view


class Bottleneck(nn.Module):
    """A rectifier, a linear bottleneck, whose values have both signs, and a layer that reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 4, 1), nn.Conv2d(4, 6, 3)
        self.relu, self.head = nn.ReLU(), nn.Linear(6, 5)

    def forward(self, x):
        narrow = self.second(self.relu(self.first(x)))
        return self.head(self.relu(self.third(narrow)).mean((2, 3)))
