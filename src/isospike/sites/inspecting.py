"""What converts, what stays analogue, what is unsupported, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from isospike.graphs.capturing import capture
from isospike.graphs.graph import Graph
from isospike.graphs.islands import sites_behind_islands
from isospike.graphs.op import Op
from isospike.inputs import Inputs
from isospike.ops import Role
from isospike.results import Result, derived
from isospike.sites.code_tables import Tables, place_tables
from isospike.sites.place import Sites, choose_sites
from isospike.tables import Column, Table, Tabular


@dataclass(frozen=True)
class Inspection(Tabular, Result):
    """The table of all ops of a model with their roles."""

    ops: tuple[Op, ...]
    """Every op in order of execution, with the sites that are placed."""
    sites: str
    """Where neurons stand: in the place of ``rectifiers``, or in front of all ``products`` too."""
    driven: dict[str, float]
    """By where they may stand, the part of the multiply-accumulates behind the first layer that spikes drive."""
    tables: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """What is approximate: by function that becomes a table from code to code, the sites in front of it."""
    exact_sites: tuple[str, ...] = ()
    """The sites that ``exact=True`` makes equal bit for bit: those that no analogue island takes part in."""

    def with_role(self, role: Role) -> tuple[Op, ...]:
        """The ops of one role."""
        return tuple(op for op in self.ops if op.role is role)

    @property
    @derived(before="ops")
    def counts(self) -> dict[str, int]:
        """Number of ops by role."""
        return {role.value: len(self.with_role(role)) for role in Role if role is not Role.INPUT}

    @property
    @derived(before="counts")
    def converts(self) -> bool:
        """Whether the whole network becomes spiking, with nothing analogue or unsupported."""
        return not self.with_role(Role.ANALOGUE) and not self.with_role(Role.UNSUPPORTED)

    def table(self) -> Table:
        """One op a row."""
        columns = tuple(Column(word, word) for word in ("name", "op", "role", "shape", "why", "source"))
        rows = tuple(
            (op.name, op.kind, op.role.value, "x".join(map(str, op.shape)), op.reason, op.source) for op in self.ops
        )
        title = ", ".join(f"{count} {role}" for role, count in self.counts.items() if count)
        return Table("ops", title, columns, rows)


def inspect(
    model: nn.Module | Graph, example: Inputs | Mapping[str, Tensor], *, sites: Sites = "auto", tables: Tables = ()
) -> Inspection:
    """What of the model would become spiking, before anything is converted.

    Args:
        model: any exportable network in eval mode, or a captured graph.
        example: an input batch ``[B, ...]``, or several by name.
        sites: where neurons stand, see `isospike.convert`.
        tables: functions that become tables from code to code, an approximation, see `isospike.convert`.

    Raises:
        CaptureError: the model cannot be exported or verified.
        OptionError: ``sites`` or ``tables`` is another word.
        ConversionError: the network has no such function with a site behind it.
    """
    graph = model if isinstance(model, Graph) else capture(model, example)
    placement = choose_sites(graph, sites)
    tabled = place_tables(placement.graph, tables)
    behind = sites_behind_islands(tabled.graph)
    exact = tuple(site for site in tabled.graph.sites if site not in behind)
    return Inspection(tabled.graph.ops, placement.sites, placement.driven, tabled.sites, exact_sites=exact)
