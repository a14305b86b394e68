"""The batch on the first axis of every value, wherever the user's model has it in between."""

from __future__ import annotations

from torch import fx

from isospike.ops.forms.batch_place import Place, after_reshape, rows_at, shape_of
from isospike.ops.forms.batch_rules import reshape_rule, rule_of
from isospike.ops.forms.batch_stand_ins import Elsewhere, StandIns
from isospike.ops.forms.rewriter import Rewriter


def put_batch_first(rewriter: Rewriter) -> None:
    """Compute what has its batch elsewhere (``[S, B, E]``, ``[3, B, H, S, D]``, ``[S * B, E]``) with the batch first.

    Every value has a stand-in ``[B * rows, ...]`` whose other axes are in the model's order; permutations then become
    others or none, and axes that calls name become those of the stand-in. What a rule does not know stays as it is, and
    is refused where it is raised. The capture compares the result with the model.
    """
    known = StandIns(rewriter)
    for node in rewriter.calls:
        if rewriter.varies(node):
            _move(known, node)


def _move(known: StandIns, node: fx.Node) -> None:
    """Give a node a stand-in; one with its batch first takes the node's place."""
    rule = rule_of(node)
    if rule is None:
        return
    try:
        place = _place(known, node)
        if place is None or (place.is_first and known.moved.keys().isdisjoint(node.all_input_nodes)):
            return
        moved = rule(known, node, place)
    except Elsewhere:
        return
    if moved is None:
        return
    if place.is_first:
        known.rewriter.replace(node, moved)
    else:
        known.moved[node] = moved, place


def _place(known: StandIns, node: fx.Node) -> Place | None:
    """Where the batch is in the result of a call."""
    found = rows_at(shape_of(node))
    sources = [source for source in node.all_input_nodes if known.rewriter.varies(source)]
    places = [known.front(source)[1] for source in sources if rows_at(shape_of(source)) is not None]
    if found is None or not places:
        return None
    if rule_of(node) is reshape_rule:
        return after_reshape(places[0], shape_of(sources[0]), shape_of(node))
    axis, rows = found
    fits = all(place.before * place.after == rows for place in places)
    return Place(axis, places[0].before, places[0].after) if fits else None
