"""What a ``.snn`` file says besides its tensors: every field with its type and range, in one declaration.

A header is checked against it before anything is built. What is not declared is refused: unknown fields, other types,
numbers outside their ranges, names that are no names.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from isospike.errors import ArtefactError
from isospike.graphs.op import Numbers
from isospike.neurons.streaming_neuron import MOST_SPIKES
from isospike.ops import Role
from isospike.options import MOST_STEPS
from isospike.sites.code_tables import CUTS

FORMAT = "isospike.snn"
VERSION = 5

MOST_LEVELS = 2**16
"""Levels of a quantised activation: sixteen bits."""
LARGEST_SIZE = 2**31 - 1
"""Of an axis: kernels count in 32-bit numbers."""
LARGEST_VALUE = 2**28
"""Numbers of one sample's value: a gigabyte in float32."""
MOST_WORK = 2**32
"""Additions of a pool for one sample."""
MOST_PARTS = 1000
"""Of a value that an op takes apart."""

Whole = Annotated[int, Meta(ge=0, le=LARGEST_SIZE)]
Size = Annotated[int, Meta(ge=1, le=LARGEST_SIZE)]
Steps = Annotated[int, Meta(ge=1, le=MOST_STEPS)]
UNSEEN = r"\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
"""Letters that are none: control characters, those that turn the direction of text, and those without width."""
Text = Annotated[str, Meta(max_length=300, pattern=rf"\A[^{UNSEEN}]*\Z")]
"""What is only printed."""
Name = Annotated[str, Meta(max_length=300, pattern=r"\A\w+\Z")]
Target = Annotated[str, Meta(max_length=300, pattern=r"\A[\w#]+(\.[\w#]+)*\Z")]
"""Dotted names: letters, digits and ``_``, with ``#2`` behind the second call of one."""
Path = Annotated[str, Meta(max_length=300, pattern=rf"\A([^{UNSEEN}.]+(\.[^{UNSEEN}.]+)*)?\Z")]


Placed = Literal["rectifiers", "products"]
"""Where neurons stand."""
Tabled = Annotated[str, Meta(pattern=rf"\A({'|'.join(CUTS)})\Z")]


class Fields(Struct, frozen=True, forbid_unknown_fields=True):
    """A group of fields, no others allowed."""


class OpFields(Fields, frozen=True):
    """What `isospike.graphs.graph.Op` says of a node."""

    name: Target
    kind: Annotated[str, Meta(max_length=80, pattern=r"\A[\w.]+\Z")]
    role: Role
    path: Path
    source: Text
    shape: Annotated[list[Size], Meta(max_length=8)]
    channel_axis: Annotated[int, Meta(ge=-8, le=8)]
    reason: Text
    rows: Size = 1
    numbers: Numbers = "real"


class NodeFields(Fields, frozen=True):
    """One node of the graph."""

    name: Name
    op: Literal["placeholder", "get_attr", "call_module", "call_function", "output"]
    target: Annotated[str, Meta(max_length=300)]
    args: Any
    kwargs: Any
    info: OpFields | None


class ModuleFields(Fields, frozen=True):
    """One module: its kind, and options that the kind declares."""

    kind: Annotated[str, Meta(max_length=80)]
    options: dict[str, Any]


class ReadOutFields(Fields, frozen=True):
    """See `isospike.network.ReadOut`."""

    delay: Annotated[int, Meta(ge=0, le=MOST_STEPS)]
    window: Steps
    probe: Annotated[int, Meta(ge=0, le=MOST_STEPS)]


class ProvenanceFields(Fields, frozen=True):
    """See `isospike.network.Provenance`."""

    method: Text
    options: dict[Text, Any]
    papers: list[Text]
    silent: dict[Target, Size]
    sites: Placed = "rectifiers"
    driven: dict[Placed, Annotated[float, Meta(ge=0, le=1)]] = {}
    tables: dict[Tabled, dict[Target, Size]] = {}


class TaskFields(Fields, frozen=True):
    """A registered task and its options; the task checks them."""

    name: Text
    options: Annotated[dict[Name, Text | float | bool | None], Meta(max_length=20)]


class Header(Fields, frozen=True):
    """All of a file but its tensors."""

    format: str
    version: int
    nodes: Annotated[list[NodeFields], Meta(min_length=2, max_length=8000)]
    modules: dict[Target, ModuleFields]
    calibrated: Annotated[list[Steps], Meta(max_length=1000)]
    readout: ReadOutFields
    provenance: ProvenanceFields
    preprocess: dict[str, Any] | None
    task: TaskFields
    hash: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


Sizes = Annotated[list[Size], Meta(min_length=1, max_length=3)]
Wholes = Annotated[list[Whole], Meta(min_length=1, max_length=3)]


class Convolution(Fields, frozen=True):
    """A convolution of one, two or three axes."""

    in_channels: Size
    out_channels: Size
    kernel_size: Sizes
    stride: Sizes
    padding: Wholes | Literal["same", "valid"]
    dilation: Sizes
    groups: Size
    bias: bool


class TransposedConvolution(Fields, frozen=True):
    """A transposed convolution of one, two or three axes."""

    in_channels: Size
    out_channels: Size
    kernel_size: Sizes
    stride: Sizes
    padding: Wholes
    dilation: Sizes
    groups: Size
    output_padding: Wholes
    bias: bool


class Linear(Fields, frozen=True):
    """A linear layer."""

    in_features: Size
    out_features: Size
    bias: bool


class ChannelAffineFields(Fields, frozen=True):
    """See `isospike.ops.affine.ChannelAffine`."""

    channels: Size


class BatchConstantFields(Fields, frozen=True):
    """See `isospike.ops.batch_constant.BatchConstant`."""

    shape: Annotated[list[Size], Meta(max_length=8)]
    rows: Size = 1


class NoFields(Fields, frozen=True):
    """No options."""


class Bounds(Fields, frozen=True):
    """A clipped rectifier."""

    min_val: Annotated[float, Meta(ge=0, le=0)]
    max_val: Annotated[float, Meta(gt=0)]


class MaxPool(Fields, frozen=True):
    """A max pool over windows."""

    kernel_size: Sizes
    stride: Sizes
    padding: Wholes
    dilation: Sizes
    ceil_mode: bool


class AveragePool1d(Fields, frozen=True):
    """An average pool over windows of one axis."""

    kernel_size: Sizes
    stride: Sizes
    padding: Wholes
    ceil_mode: bool
    count_include_pad: bool


class AveragePool(AveragePool1d, frozen=True):
    """An average pool over windows of two or three axes."""

    divisor_override: Size | None


class AdaptivePool(Fields, frozen=True):
    """A pool to a given size."""

    output_size: Sizes


class StreamingFields(Fields, frozen=True):
    """A streaming neuron; ``largest`` for those kinds that have it, ``own`` as the class declares them."""

    activation: ModuleFields
    bias: bool
    largest: Annotated[int, Meta(ge=1, le=MOST_SPIKES)] | None = None
    own: dict[str, Any] | None = None


class Probe(Fields, frozen=True):
    """Neurons that probe first."""

    neuron: ModuleFields
    steps: Steps
    own: dict[str, Any] | None = None


class Emitting(Fields, frozen=True):
    """An accumulate-then-emit neuron."""

    levels: Annotated[int, Meta(ge=1, le=MOST_LEVELS)]
    activation: ModuleFields
    offset: Literal[True] | None = None
    own: dict[str, Any] | None = None


class Quantised(Fields, frozen=True):
    """A quantised activation at rest."""

    levels: Annotated[int, Meta(ge=1, le=MOST_LEVELS)]
    phase: Annotated[float, Meta(ge=0, lt=1)]


class Trainable(Fields, frozen=True):
    """An activation with a trained bound."""

    name: str
    options: dict[str, Any]


class Grid(Fields, frozen=True):
    """See `isospike.neurons.InputGrid`."""

    fraction: Annotated[int, Meta(ge=-1000, le=1000)]
    limit: Annotated[float, Meta(gt=0, le=2.0**1000)]


class Pooling(Fields, frozen=True):
    """A max-pooling rule and the pool of the ANN."""

    rule: str
    pool: ModuleFields


T = TypeVar("T")


def checked(value: Any, kind: type[T]) -> T:
    """A value of a file as the declared type.

    Raises:
        ArtefactError: it is not of that type; the message says where.
    """
    try:
        return msgspec.convert(value, kind, strict=True)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ArtefactError(str(error) or "it is nested too deeply") from error
