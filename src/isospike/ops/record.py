"""What isospike knows of one ATen op."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

from torch import Tensor, nn

from isospike.ops.channels import Channels, kept
from isospike.ops.family import Family
from isospike.ops.role import Role
from isospike.ops.rules import Call, Rule, Verdict

Arguments = Mapping[str, Any]
"""Arguments of one call by schema name; constants are tensors, activations are ``fx.Node``."""
Build = Callable[[Arguments], nn.Module | None]
"""The module that computes a call with these constants, or ``None`` if it stays a call."""
Parts = Callable[[Arguments, Tensor], int]
"""How many values a call takes its first tensor apart into."""


@dataclass(frozen=True)
class OpRecord:
    """One op; `isospike.ops.register_op` adds it to the table."""

    name: str
    """ATen name without overload, e.g. ``conv2d``."""
    family: Family
    """Ops that every stage treats alike."""
    _: KW_ONLY
    aliases: tuple[str, ...] = ()
    """Other names that the exporter gives it."""
    build: Build | None = None
    """Its module, where it has one."""
    rule: Rule | None = None
    """The role of a call without a module; the family's unless the op has one of its own."""
    keeps_zeros: bool | None = None
    """Whether mostly zeros come out where mostly zeros go in; ``None``: as in its family."""
    channels_last: bool = False
    """Whether its channels are on the last axis; elsewhere they are where `channels` says."""
    channels: Channels = kept
    """Where it puts the channels of its input."""
    never_negative: bool = False
    """Whether its results are never below zero."""
    first_only: bool = False
    """Whether it gives several results of which a network reads the first alone."""
    divides: bool = False
    """Whether its second operand is a divisor."""
    averages: bool = False
    """Whether it divides a sum by the number of its summands."""
    fill: int | None = None
    """The place, among the arguments, of the constant that it fills with."""
    new_axis: bool = False
    """Whether the axis it is given is one of the result, which has one more than the input."""
    free_axes: bool = False
    """Whether it may name the axis of the batch, as a permutation does, or its ``dims`` are no axes."""
    resizes: bool = False
    """Whether ``output_size`` and ``scale_factors`` have one positive number for each axis behind the channels."""
    parts: Parts | None = None
    """How many values it takes its input apart into, where these are several."""
    needs_axes: str = ""
    """The argument that must name axes, where torch works along all of them, the batch's too, without it."""
    selects: bool = False
    """Whether it takes the positions of a constant ``index`` along ``dim``."""
    cut: float | None = None
    """Of a function that vanishes far below zero: where a table from code to code cuts it off."""
    whole: str = ""
    """The argument that may hold whole numbers or truth values; other constants are real numbers."""

    @property
    def role(self) -> Role:
        """What becomes of it when its parameters are constant."""
        return self.family.role

    @property
    def is_additive(self) -> bool:
        """Whether the linear parts of its results for several inputs sum to that of the sum of the inputs."""
        return self.role is Role.LINEAR

    @property
    def makes_zeros_of_zeros(self) -> bool:
        """See `keeps_zeros`."""
        return self.family.keeps_zeros if self.keeps_zeros is None else self.keeps_zeros

    def role_of(self, call: Call) -> Verdict:
        """The role of a call that no module computes, and why where the op alone does not say it."""
        return (self.rule or self.family.of_a_call)(call)
