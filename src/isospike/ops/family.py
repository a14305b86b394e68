"""Families: what all ops of one kind have in common, and the key under which the stages register what they do."""

from __future__ import annotations

from dataclasses import dataclass

from isospike.ops.role import Role
from isospike.ops.rules import Rule, always, product, tokens


@dataclass(frozen=True)
class Family:
    """Ops that every stage treats alike.

    A stage registers one handler for a family (`isospike.ops.Stage`) and never lists ops; so a new op of a known family
    needs no line in any stage.
    """

    name: str
    role: Role
    """What becomes of an op whose parameters are constant."""
    of_a_call: Rule
    """The role of a call that no module computes."""
    keeps_zeros: bool = False
    """Whether mostly zeros come out where mostly zeros go in."""
    is_fresh: bool = False
    """Whether a call's result is memory of its own, never a view of an argument."""
    is_kept: bool = True
    """Whether a captured graph has such ops; the capture drops others."""
    is_called: bool = True
    """Whether a captured graph, and a file, may call these ops without a module."""


def _linear(name: str, **more: bool) -> Family:
    return Family(name, Role.LINEAR, always(Role.LINEAR), **more)


def _dropped(name: str) -> Family:
    return _linear(name, is_kept=False, is_called=False)


def _parametric(name: str) -> Family:
    """Layers: linear as modules. One whose weights depend on the input mixes the samples of a batch."""
    rule = always(Role.ANALOGUE, "its weights are computed from the input")
    return Family(name, Role.LINEAR, rule, is_called=False)


def _analogue(name: str) -> Family:
    return Family(name, Role.ANALOGUE, always(Role.ANALOGUE))


IDENTITY = _dropped("identity")
"""Gives back its argument in inference; the capture drops it."""
CAST = Family(
    "cast",
    Role.UNSUPPORTED,
    always(Role.UNSUPPORTED, "it casts to a format that wraps around, or from whole numbers; compute in real ones"),
    is_kept=False,
    is_called=False,
)
"""Changes the number format; the capture drops it between real formats."""
CREATION = _dropped("creation")
"""Makes a tensor of nothing but numbers and sizes; the capture computes it once."""
CONSTANT = _linear("constant", is_called=False)
"""The same values for every sample."""
RESHAPE = _linear("reshape", keeps_zeros=True)
"""The same values in the same order, in another shape."""
MOVE = _linear("move", keeps_zeros=True)
"""Puts values, or copies of them, elsewhere."""
FILL = _linear("fill", keeps_zeros=True)
"""Puts values elsewhere and a constant into the places left: padding."""
JOIN = _linear("join", keeps_zeros=True, is_fresh=True)
"""Puts several values side by side."""
ADD = _linear("add", is_fresh=True)
"""The sum or difference of two values."""
SCALE = Family("scale", Role.LINEAR, product, keeps_zeros=True, is_fresh=True)
"""Every value times a factor of its own."""
CONVOLUTION = _parametric("convolution")
"""A convolution with trained weights."""
DENSE = _parametric("dense")
"""A fully connected layer."""
AFFINE = _parametric("affine")
"""A factor and a shift per channel."""
PRODUCT = Family("product", Role.LINEAR, product)
"""A matrix product with a constant."""
AVERAGE_POOL = _linear("average_pool", is_called=False)
"""The mean over windows."""
MAX_POOL = Family("max_pool", Role.MAX_POOL, always(Role.MAX_POOL), is_called=False)
"""The maximum over windows."""
INTERPOLATE = _linear("interpolate")
"""Another size, by one matrix of weights per axis."""
REDUCE = _linear("reduce")
"""A sum or mean over axes."""
ACCUMULATE = _linear("accumulate")
"""Sums of some of the values, all with weight one."""
RECTIFIER = Family(
    "rectifier",
    Role.ACTIVATION,
    always(Role.ANALOGUE, "its bounds, or slopes, are no constants with 0 between them"),
)
"""A piecewise linear function that is zero at zero: of one sign, or of both (`isospike.ops.two_sided.TwoSided`)."""
TRAINABLE = Family(
    "trainable", Role.ACTIVATION, always(Role.ANALOGUE, "its bound is computed from the input"), is_called=False
)
"""A trainable activation of isospike."""
SITE = Family("site", Role.ACTIVATION, always(Role.ACTIVATION), is_called=False)
"""Passes values of both signs on: where neurons send them as spikes."""
LOOKUP = Family("lookup", Role.INPUT, tokens)
"""Rows of a table, at the places that tokens of the input name."""
LOGIC = Family("logic", Role.INPUT, tokens)
"""Comparisons and truth values of tokens and masks of the input."""
CHOICE = _analogue("choice")
"""One of two values, as a mask says."""
POINTWISE = _analogue("pointwise")
"""Any other function of single values."""
STATISTIC = _analogue("statistic")
"""A number for many values that is no sum: a largest value, a norm, a variance."""
NORMALISE = _analogue("normalise")
"""Values measured by others of the same sample."""
ATTENTION = _analogue("attention")
"""Attention in one call."""
