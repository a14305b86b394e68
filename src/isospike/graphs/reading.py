"""A graph with other tensors, over the same nodes."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from isospike.graphs.graph import Graph, twin, with_own_tables


def with_tensors_to_read(graph: Graph, tensors: Mapping[str, Tensor]) -> Graph:
    """As `Graph.with_tensors`, over the same nodes, which takes a tenth of the time: to be run, never to be changed.

    Args:
        graph: the graph.
        tensors: by dotted name; one that stands in the place of a parameter is one.
    """
    view = graph.__new__(type(graph))
    view.__dict__.update(graph.__dict__)
    own: dict[str, nn.Module] = {"": with_own_tables(view)}
    for name, tensor in tensors.items():
        path, _, leaf = name.rpartition(".")
        module = _owned(own, path)
        if isinstance(tensor, nn.Parameter):
            module._parameters[leaf] = tensor
        else:
            module._buffers[leaf] = tensor
    return view


def _owned(own: dict[str, nn.Module], path: str) -> nn.Module:
    """The module of a path below twins, itself a twin; they are kept in ``own``."""
    if path not in own:
        above, _, name = path.rpartition(".")
        parent = _owned(own, above)
        found = parent._modules[name]
        assert found is not None
        own[path] = parent._modules[name] = twin(found)
    return own[path]
