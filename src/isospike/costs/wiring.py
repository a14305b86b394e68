"""The wiring of a network: from every neuron to every op, how many synapses one event goes through."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Connection:
    """What one op reads, as counts of products for one image."""

    op: str
    """The op that receives."""
    fan_out: dict[str, Tensor]
    """By source, the synapses of this op behind every neuron of it: int64 in the shape of the source."""
    once: int
    """Products with values of the image: once per image."""
    each_step: int
    """Products with currents or the outputs of analogue islands: at every step."""
    input_steps: int | None
    """How many steps these are; ``None``: as many as the run has."""
    dense: int
    """Products that the ANN computes here, those with the zeros of a padding left out."""
    spiking: int
    """How many of them read activations, which are spikes in the network."""
    padded: int
    """Multiply-accumulates as usually counted: those with padding in, additions and factors left out."""
    side: int | None = None
    """Of a product of two values, which one is streamed here; ``dense`` and ``spiking`` stand beside the first."""

    @property
    def key(self) -> tuple[str, int | None]:
        """What tells it from all others of a network."""
        return self.op, self.side

    def macs(self, steps: int) -> int:
        """Multiply-accumulates of one image in a run of ``steps`` steps."""
        return self.once + self.each_step * (steps if self.input_steps is None else self.input_steps)

    @property
    def shares(self) -> dict[str, tuple[int, int]]:
        """By source, its share of the op's inputs, weighted by their synapses: a numerator and a denominator."""
        own = {source: int(fan_out.sum()) for source, fan_out in self.fan_out.items()}
        everything = sum(own.values()) + self.once + self.each_step
        return {source: (count, everything) for source, count in own.items()}


@dataclass(frozen=True)
class Wiring:
    """A network as sources, connections, and what is left out."""

    neurons: dict[str, int]
    """Number of neurons of every source: of the sites, and of max pools of trains, which send events of their own."""
    connections: tuple[Connection, ...]
    """Every op that costs synaptic operations or multiply-accumulates, in order of execution."""
    not_counted: tuple[str, ...]
    """Every op whose cost is left out, in words, and why."""
