"""How the binary digits of float64 are shared among the layers between two sites."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

from torch import fx

from isospike.graphs.graph import op_of
from isospike.refine.grid.value import BUDGET, GridValue, digits_of

if TYPE_CHECKING:
    from isospike.refine.grid.gridder import Gridder

HEADROOM = 1
"""Digits left free, because rounded weights may carry a sum over a power of two."""
LEAST_BITS = 10
"""Binary digits that the largest weight of a layer, and every unit of a site, must keep."""
NEGLIGIBLE = 20
"""A layer whose products are smaller than the largest sum behind it by more digits needs none for the rest."""

Route = tuple[int, int]
"""Between an op and a site behind it: the number of layers with factors, and the sum of their exponents; digits of
factors that are not rounded count as negative ones."""
Factors = tuple[GridValue, float]
"""What an op multiplies, and the magnitude of its largest factor."""


class Budget(Protocol):
    """Who gets how many digits."""

    total: int
    """Digits of the largest sum."""

    def missing(self, name: str, spent: int) -> int:
        """How many digits op ``name`` and the layers behind it lack, when ``spent`` are behind the point already."""

    def fraction(self, name: str, spent: int) -> int:
        """Digits behind the point for the factors of op ``name``."""


class Unlimited:
    """Digits for everyone: for a draft, which shows how large all sums become."""

    total = 2**30

    def missing(self, name: str, spent: int) -> int:
        """None."""
        return 0

    def fraction(self, name: str, spent: int) -> int:
        """More than any factor has."""
        return 2**10


class Shares:
    """Every layer up to the next site keeps the same number of digits of its largest factor.

    ``bits = (BUDGET - HEADROOM - spent - top + sum_i e_i) / n`` over the ``n`` layers of the worst path, with ``top``
    the digits of the largest sum in front of the point and ``e_i`` the exponent of a layer's largest factor; then
    ``f_i = bits - e_i`` make ``spent + sum_i f_i + top`` fit.
    """

    total = BUDGET

    def __init__(self, draft: Gridder) -> None:
        self.draft = draft
        self.top: dict[str, int] = {}
        self.exponent: dict[str, int] = {}
        self.paths: dict[str, set[Route]] = {}
        for node in reversed(draft.graph.graph.nodes):
            if node in draft.values:
                self._look_behind(node)

    def missing(self, name: str, spent: int) -> int:
        """What ``LEAST_BITS`` for every layer would need in addition, on the worst path."""
        return max(LEAST_BITS * layers - room for layers, room in self._rooms(name, spent))

    def fraction(self, name: str, spent: int) -> int:
        """An equal share, after the exponent."""
        return min(room // layers for layers, room in self._rooms(name, spent)) - self.exponent[name]

    def _rooms(self, name: str, spent: int) -> list[Route]:
        room = BUDGET - HEADROOM - spent - self.top[name] + self.exponent[name]
        return [(layers + 1, room + exponents) for layers, exponents in self.paths[name]]

    def _look_behind(self, node: fx.Node) -> None:
        inner = [user for user in node.users if not self.draft.ends(user)]
        sums = [self.draft.largest[n] for n in (node, *node.users) if n in self.draft.largest]
        top = max([*map(digits_of, sums), *(self.top[op_of(user).name] for user in inner)])
        paths = {path for user in inner for path in self._through(op_of(user).name)}
        ends = [self.draft.exact.get(op_of(user).name, 0) for user in node.users if self.draft.is_site(user)]
        if ends or len(inner) < len(node.users) or not paths:
            paths.add((0, -max(ends, default=0)))
        name = op_of(node).name
        self.top[name], self.paths[name] = top, paths
        if name in self.draft.factors:
            value, largest = self.draft.factors[name]
            self.exponent[name] = max(exponent(largest), top - digits_of(value.largest) - NEGLIGIBLE)

    def _through(self, name: str) -> set[Route]:
        """The paths that begin with op ``name``."""
        layers, own = (1, self.exponent[name]) if name in self.exponent else (0, -self.draft.exact.get(name, 0))
        return {(count + layers, exponents + own) for count, exponents in self.paths[name]}


def exponent(largest: float) -> int:
    """Of the leading binary digit; of a half for a layer of zeros, whose bias needs digits too."""
    if largest == 0:
        return -1
    return math.frexp(largest)[1] - 1
