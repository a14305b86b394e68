"""What a scale rule promises: one observer per activation site, whose result is the threshold."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import torch
from torch import Tensor, fx, nn

from isospike.activations.activation import Granularity
from isospike.errors import CalibrationError
from isospike.graphs.graph import Graph, op_of
from isospike.graphs.op import Op
from isospike.inputs import Inputs
from isospike.neurons.quantiser import is_signed
from isospike.options import Configuration, OneOf
from isospike.registry import Registry, kebab_case

Fineness = Literal["layer", "channel", "neuron"]
"""What running maxima can be kept of: also every neuron, ``[C, H, W]``."""


class Watched(nn.Module, ABC):
    """Stands in the place of one activation during calibration: sees its currents, passes its output on."""

    def __init__(self, op: Op, activation: nn.Module) -> None:
        super().__init__()
        self.op = op
        self.activation = activation
        self._mask: Tensor | None = None

    def forward(self, z: Tensor, mask: Tensor | None = None) -> Tensor:
        """Observe currents ``[B, ...]`` and return what the rest of the network is calibrated on.

        Args:
            z: the currents.
            mask: ``[B, N]``, where texts have padding: 1 at the tokens of this batch, 0 elsewhere; see `real`.

        Raises:
            CalibrationError: NaN or infinity reached this site.
        """
        self._mask = mask
        if not z.sum().isfinite() and not z.isfinite().all():
            raise CalibrationError(
                f"NaN or infinite currents at site '{self.op.name}' during calibration; check the calibration images "
                "and the weights before it, and that no mask silences a whole row, whose softmax is not a number"
            )
        return self.observe(z)

    @abstractmethod
    def observe(self, z: Tensor) -> Tensor:
        """Take in currents ``[B, ...]`` and return the activation's output."""

    def real(self, values: Tensor) -> Tensor:
        """Values ``[B, ...]`` of this batch without those of padding: ``[tokens, ...]`` with one place for each.

        Of attention weights both the query and the key are tokens.
        """
        axes = self._token_axes()
        if self._mask is None or not axes:
            return values
        mask, kept = self._mask.bool(), self._mask.bool()
        for _ in axes[1:]:
            kept = kept.unsqueeze(-1) & mask.reshape(len(mask), *(1,) * (kept.dim() - 1), -1)
        return values.movedim(axes, tuple(range(1, 1 + len(axes))))[kept].reshape(-1, *self._without(values, axes))

    @property
    def weighs_tokens(self) -> bool:
        """Whether values are weights of pairs of tokens, in which padding has none."""
        return len(self._token_axes()) > 1

    def _token_axes(self) -> tuple[int, ...]:
        """The axes along which the tokens of a text stand; none where the channels do so too, which leaves a doubt."""
        if self._mask is None or self.op.rows > 1:
            return ()
        axes = tuple(axis for axis, size in enumerate(self.op.shape, 1) if size == self._mask.shape[1])
        return () if self.op.channel_axis % (1 + len(self.op.shape)) in axes else axes

    def _without(self, values: Tensor, axes: tuple[int, ...]) -> list[int]:
        """Sizes of the axes behind the first, one in the place of tokens."""
        return [1 if axis in axes else size for axis, size in enumerate(values.shape)][1:]


class Observer(Watched):
    """Finds the threshold of one activation. Memory is O(channels); nothing of a batch is kept."""

    def __init__(self, op: Op, activation: nn.Module, granularity: Fineness) -> None:
        super().__init__(op, activation)
        self.granularity = granularity
        rank = 1 + len(op.shape)
        axis = op.channel_axis % rank
        kept = {"layer": (), "channel": (axis,), "neuron": tuple(range(1, rank))}[granularity]
        self.axes = tuple(a for a in range(rank) if a not in kept)
        self.channels = op.shape[axis - 1] if granularity == "channel" else 1
        by_channel = (self.channels, *(1,) * (rank - 1 - axis))
        self.scale_shape = {"layer": (), "channel": by_channel, "neuron": tuple(op.shape)}[granularity]

    @abstractmethod
    def scale(self) -> Tensor:
        """The threshold, in activation units: scalar, or one value per channel shaped to broadcast."""

    def ceiling(self, like: Tensor) -> Tensor:
        """Largest value of the activation, as a threshold ``like`` can reach it: infinite for a ReLU."""
        most = getattr(self.activation, "bound", getattr(self.activation, "max_val", torch.inf))
        most = torch.as_tensor(most, dtype=like.dtype, device=like.device).detach()
        return self.shaped(most) if most.numel() == self.channels else most.max()

    def shaped(self, values: Tensor) -> Tensor:
        """One value per channel (or a single one) in the shape of the threshold."""
        return values.reshape(self.scale_shape)


class Passive(Observer):
    """Sees currents and outputs of an activation and changes nothing: any number of them watch one site in one pass."""

    def observe(self, z: Tensor) -> Tensor:
        """See currents ``[B, ...]`` and return the outputs for them."""
        a: Tensor = self.activation(z)
        self.see(self.real(z), self.real(a))
        return a

    @abstractmethod
    def see(self, z: Tensor, a: Tensor) -> None:
        """Take in currents and the outputs for them ``[B, ...]``."""

    def adopt(self, other: Passive) -> bool:
        """Use what another observer of the site counts, and return true, if this one would count the same."""
        return False


class OutputObserver(Passive):
    """Sees outputs alone; of a signed site their magnitudes, whose quantiser is as good as theirs.

    ``Q`` of both signs is odd but for ties, so its error for a value is that for the value's magnitude.
    """

    def see(self, z: Tensor, a: Tensor) -> None:
        """Take in outputs, whatever the currents."""
        self.take(a.abs() if is_signed(self.activation) else a)

    @abstractmethod
    def take(self, a: Tensor) -> None:
        """Take in outputs ``[B, ...]`` that are not negative."""


class Together(Watched):
    """Passive observers of one site; what two of them would count alike is counted once."""

    def __init__(self, op: Op, activation: nn.Module, observers: Sequence[Passive]) -> None:
        super().__init__(op, activation)
        self.counting: list[Passive] = []
        for observer in observers:
            if not any(observer.adopt(other) for other in self.counting):
                self.counting.append(observer)

    def observe(self, z: Tensor) -> Tensor:
        """Show everyone currents ``[B, ...]`` and return the outputs for them."""
        a: Tensor = self.activation(z)
        seen = self.real(z), self.real(a)
        for observer in self.counting:
            observer.see(*seen)
        return a


def smallest_threshold(theta: Tensor) -> float:
    """The smallest threshold of a number format that is safe to divide by."""
    return float(torch.finfo(theta.dtype).tiny ** 0.5)


@dataclass(frozen=True)
class ScaleRule(Configuration, ABC):
    """How thresholds are found from calibration data; the instance is the configuration."""

    papers: ClassVar[tuple[str, ...]] = ()
    """BibTeX keys in ``references.bib``."""
    serves_signed: ClassVar[bool] = False
    """Whether it finds thresholds of activations whose values have both signs."""

    granularity: Granularity
    """One threshold per layer or per channel."""

    @classmethod
    def title(cls) -> str:
        """The class name in kebab case without the word rule."""
        return kebab_case(cls.__name__.removesuffix("Rule"))

    @abstractmethod
    def observer(self, op: Op, activation: nn.Module) -> Observer:
        """A fresh observer for one site."""

    def observer_in(self, graph: Graph, node: fx.Node) -> Observer:
        """The same for the site of a node; a rule may look at what is in front of it."""
        return self.observer(op_of(node), graph.module_of(node))

    def at(self, index: int, sites: int) -> ScaleRule:
        """The rule for one of the sites, in order of execution; the same for all unless a rule says otherwise."""
        return self

    def feed(self, inputs: Inputs, most: int) -> Iterator[Inputs]:
        """What the observed graph is given for a batch of inputs; the inputs unless a rule says otherwise.

        Args:
            inputs: images ``[B, ...]``.
            most: samples at once that a rule which makes several of one should keep to.
        """
        yield inputs

    @property
    def batches(self) -> int | None:
        """Number of mini-batches to run, cycling through the data; ``None``: every batch once."""
        return None


rules: Registry[type[ScaleRule]] = Registry("scale rule")
"""Scale rules by name."""
RuleName = Annotated[str, OneOf(rules)]
"""The name of a scale rule."""


def takes(name: str, field: str) -> bool:
    """Whether the rule called ``name`` has this field.

    Raises:
        UnknownNameError: no such rule.
    """
    return field in {one.name for one in dataclasses.fields(rules[name])}


def make_rule(name: str, **known: object) -> ScaleRule:
    """The rule called ``name`` for what is known of the quantiser; each rule takes what it has a field for.

    Raises:
        UnknownNameError: no such rule.
    """
    return rules[name](**{key: value for key, value in known.items() if takes(name, key)})  # type: ignore[arg-type]


def channel_values(tensor: Tensor, observer: Observer) -> Tensor:
    """``tensor`` ``[B, ...]`` as ``[N, channels]``, without a copy where its memory allows."""
    if observer.granularity == "layer":
        return torch.movedim(tensor, 1, -1).reshape(-1, 1) if tensor.dim() > 1 else tensor.reshape(-1, 1)
    return torch.movedim(tensor, observer.op.channel_axis, -1).reshape(-1, observer.channels)
