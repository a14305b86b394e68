"""Running sums of the outputs, and the answers that they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor

from isospike.errors import SimulationError
from isospike.network import ReadOut


class OutputSums:
    """Running sums of the outputs, kept at the few steps that an answer may need.

    Args:
        readout: says which sums an answer at step ``T`` needs.
        at: the steps at which an answer is wanted.
        sums: sums carried over from an earlier part of the run.
    """

    def __init__(self, readout: ReadOut, at: Iterable[int], sums: dict[int, list[Tensor]] | None = None) -> None:
        self.readout = readout
        self.at = frozenset(at)
        self.kept = {step: list(total) for step, total in (sums or {}).items()}
        self.elapsed = max(self.kept, default=0)

    def add(self, outputs: list[Tensor]) -> None:
        """Add the outputs ``[t, B, ...]`` of the next steps, one after the other."""
        for step in zip(*(y.unbind() for y in outputs), strict=True):
            self._add(step)

    def _add(self, outputs: Sequence[Tensor]) -> None:
        last = self.kept.get(self.elapsed)
        total = [y.clone() for y in outputs] if last is None else [a + y for a, y in zip(last, outputs, strict=True)]
        self.elapsed += 1
        self.kept[self.elapsed] = total
        self.kept = {step: value for step, value in self.kept.items() if self._needed(step)}

    def keep(self, rows: Tensor) -> None:
        """Go on with these samples ``[R]`` of the batch."""
        self.kept = {step: [y[rows] for y in total] for step, total in self.kept.items()}

    def _needed(self, step: int) -> bool:
        recent = step >= self.elapsed - self.readout.window
        wanted = step in self.at or any(self.readout.start(at) == step for at in self.at)
        return recent or wanted or step in (self.readout.probe + self.readout.delay, self.readout.probe)

    def answer(self, steps: int) -> list[Tensor]:
        """The outputs decoded after ``steps`` steps.

        Raises:
            SimulationError: the sums that this answer needs were not kept.
        """
        start = self.readout.start(steps)
        if steps not in self.kept or (start and start not in self.kept):
            raise SimulationError(f"no answer was kept for step {steps}; ask for it with at=[{steps}] before the run")
        total, before = self.kept[steps], self.kept.get(start)
        if not start or before is None:
            return [a / steps for a in total]
        return [(a - b) / (steps - start) for a, b in zip(total, before, strict=True)]


class Total:
    """The answer of a network that gives it at the end: what it puts out then."""

    def __init__(self) -> None:
        self.outputs: list[Tensor] = []

    def add(self, outputs: list[Tensor]) -> None:
        """The totals ``[1, B, ...]``."""
        self.outputs = [y[0] for y in outputs]

    def answer(self, steps: int) -> list[Tensor]:
        """The totals ``[B, ...]``."""
        return self.outputs

    def keep(self, rows: Tensor) -> None:
        """Go on with these samples ``[R]`` of the batch."""
        self.outputs = [y[rows] for y in self.outputs]
