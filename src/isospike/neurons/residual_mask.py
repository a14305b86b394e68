"""Neurons that stay silent after a probe left them with no residual potential."""

from __future__ import annotations

import torch
from torch import Tensor

from isospike.neurons.probing import TOLERANCE, Probing, count_binary, probings
from isospike.neurons.temporal import EventCounts, Memory


class ResidualMask(Probing):
    """Run rho steps, keep ``m = [v(rho) > 0]``, start again from ``v_init`` and emit ``m s_t``.

    A negative residual potential says that the mean current is not positive, so the neuron should not spike at all. All
    layers probe together, step by step, and spike as they do. ``v(rho) > 0`` has a tolerance of a thousandth of the
    threshold.

    References:
        Hao et al. 2023, *Reducing ANN-SNN Conversion Error through Residual Membrane Potential*, algorithm 1.
    """

    def start(self, x: Tensor) -> Memory:
        """The neurons' memory, the mask, and the number of steps so far."""
        return {**self._prefixed(self.neuron.start(x)), "mask": torch.ones_like(x), "elapsed": x.new_zeros(())}

    def advance(self, x: Tensor, memory: Memory, *, overwrite: bool) -> tuple[Tensor, EventCounts]:
        """Probe, then run; see `Temporal.advance`."""
        elapsed = int(memory["elapsed"].item())
        left = min(max(self.probe_steps - elapsed, 0), len(x))
        inner = {key.removeprefix("neuron."): value for key, value in memory.items() if key.startswith("neuron.")}
        parts = [self.neuron.advance(x[:left], inner, overwrite=False)[0]] if left else []
        if left and elapsed + left == self.probe_steps:
            memory["mask"].copy_(inner["v"] > TOLERANCE * self.v_threshold)
            for key, value in self.neuron.start(x[0]).items():
                inner[key].copy_(value)
        if left < len(x):
            parts.append(self.neuron.advance(x[left:], inner, overwrite=False)[0] * memory["mask"])
        memory["elapsed"] += len(x)
        out = torch.cat(parts)
        counts = count_binary(out)
        return out, EventCounts(counts, counts)

    @staticmethod
    def _prefixed(memory: Memory) -> Memory:
        return {f"neuron.{key}": value for key, value in memory.items()}


probings.register("residual-mask", ResidualMask)
