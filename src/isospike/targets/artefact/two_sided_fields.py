"""What files say of two-sided functions, see `isospike.ops.two_sided`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from isospike.targets.artefact.format import Fields


class LeakyFields(Fields, frozen=True):
    """See `isospike.ops.two_sided.Leaky`."""

    slope: float


class BoundedFields(Fields, frozen=True):
    """See `isospike.ops.two_sided.Bounded`."""

    low: Annotated[float, Meta(lt=0)] | None
    high: Annotated[float, Meta(ge=0)] | None


class SoftShrinkFields(Fields, frozen=True):
    """See `isospike.ops.two_sided.SoftShrink`."""

    edge: Annotated[float, Meta(ge=0)]
