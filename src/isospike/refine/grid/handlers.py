"""The stage that puts ops on the grid: one handler per family."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import fx

from isospike.ops import OpRecord, Role, Stage, family
from isospike.refine.grid.value import GridValue

if TYPE_CHECKING:
    from isospike.refine.grid.gridder import Gridder

Handler = Callable[["Gridder", fx.Node], GridValue]
"""Changes a node in place; says where its value lies."""


def _meets(record: OpRecord) -> bool:
    return record.family.is_kept and record.role in (Role.LINEAR, Role.MAX_POOL)


grids = Stage[Handler]("the exact grid", _meets)
"""How ops are put on the grid, by family."""
grids.refuses(family.CONSTANT, "its values are on no grid that the ops behind it know")
grids.refuses(family.PRODUCT, "a constant matrix has no place for a scale of its own")
grids.refuses(family.ACCUMULATE, "sums of as many values as there are places before them need as many digits more")
