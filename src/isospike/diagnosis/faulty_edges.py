"""Ops and connections of the network beside those of the model."""

from __future__ import annotations

from isospike.diagnosis.diagnosis import Fault
from isospike.diagnosis.faulty_weights import expected_graph
from isospike.diagnosis.pairing import Pairing, nodes_by_name, sources_of
from isospike.graphs import Graph
from isospike.graphs.graph import op_of
from isospike.ops import family

OUTPUT = "output"


def faulty_edges(pairing: Pairing) -> list[Fault]:
    """Ops of the model that the network lacks, joins that lost a branch, and ops that are the network's alone."""
    model = expected_graph(pairing)
    sums = {name for name, node in nodes_by_name(model).items() if op_of(node).family is family.ADD}
    wanted, found = _reads(model), _reads(pairing.snn.graph)
    users: dict[str, set[str]] = {}
    for name, sources in wanted.items():
        for source in sources:
            users.setdefault(source, set()).add(name)
    missing = [name for name in wanted if name not in found]
    lost = {name: _lost(name, wanted, found, users) for name in wanted}
    broken = {name for name, branches in lost.items() if branches}
    faults = []
    for name in wanted:
        if lost[name]:
            gone = _only_for(name, lost[name], missing, users)
            faults.append(_branch(name, lost[name], gone, wanted[name], is_sum=name in sums))
        elif name in missing and not users.get(name, {OUTPUT}) <= broken | set(missing):
            faults.append(_missing(name))
    own = set() if pairing.snn.exact else {name for name in found if name not in wanted}  # a grid adds ops of its own
    return faults + [_extra(name) for name in found if name in own]


def neighbours(pairing: Pairing, name: str) -> set[str]:
    """An op by name, what it reads and what reads it: in the captured and in the folded model, and in the network."""
    found = {name}
    for graph in (pairing.captured, pairing.model, pairing.snn.graph):
        for other, sources in _reads(graph).items():
            if other == name:
                found.update(sources)
            elif name in sources:
                found.add(other)
    return found


def _reads(graph: Graph) -> dict[str, list[str]]:
    """What every op, and the output, reads."""
    nodes = {name: node for name, node in nodes_by_name(graph).items() if node.op.startswith("call_")}
    return {**{name: sources_of(node) for name, node in nodes.items()}, OUTPUT: sources_of(graph.output_node)}


def _lost(
    name: str, wanted: dict[str, list[str]], found: dict[str, list[str]], users: dict[str, set[str]]
) -> list[str]:
    """Branches that an op should read and does not, though something else reaches what is behind it."""
    if name in found:
        return [source for source in wanted[name] if source not in found[name] and _exists(source, found, wanted)]
    behind = {source for user in users.get(name, ()) if user in found for source in found[user]}
    kept = [source for source in wanted[name] if source in behind]
    return [source for source in wanted[name] if source not in kept] if kept and len(wanted[name]) > 1 else []


def _exists(source: str, found: dict[str, list[str]], wanted: dict[str, list[str]]) -> bool:
    """Whether the network has the op, or it is the input; else the op itself is the fault."""
    return source in found or source not in wanted


def _only_for(join: str, branches: list[str], missing: list[str], users: dict[str, set[str]]) -> list[str]:
    """Missing ops that only served the branches that a join lost."""
    dead, changed = {join}, True
    while changed:
        more = {name for name in missing if name not in dead and users.get(name, set()) and users[name] <= dead}
        changed = bool(more)
        dead |= more
    return [name for name in missing if name in dead and name != join and name not in branches]


def _branch(name: str, branches: list[str], gone: list[str], all_branches: list[str], *, is_sum: bool) -> Fault:
    with_them = f" (and with it {', '.join(gone)})" if gone else ""
    if len(all_branches) == 1:
        text = f"{name} does not read {branches[0]}{with_them}, as it does in the model"
    else:
        what = "residual branch" if is_sum else "branch"
        text = f"{what} {', '.join(branches)} of {name} is dropped{with_them}"
    return Fault(name, text, "convert the model again; no method leaves out a branch")


def _missing(name: str) -> Fault:
    return Fault(name, f"the network lacks the model's op {name}", "convert the model again")


def _extra(name: str) -> Fault:
    return Fault(name, f"the network has an op {name} that the model lacks", "convert the model again")
