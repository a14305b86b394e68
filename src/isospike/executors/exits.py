"""Exit rules: after every step they say which samples have an answer that is sure enough to stop."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from torch import Tensor

from isospike.errors import OptionError
from isospike.options import Configuration, Count, Positive, Share
from isospike.registry import Registry, kebab_case

__all__ = ["Confidence", "DynamicConfidence", "Entropy", "ExitRule", "exits"]


@dataclass(frozen=True)
class ExitRule(Configuration, ABC):
    """A sample leaves at the first step whose score passes the threshold: ``sign * score > sign * threshold``."""

    papers: ClassVar[tuple[str, ...]]
    """BibTeX keys in ``references.bib``."""
    sign: ClassVar[int] = 1
    """1 where sure answers score high, -1 where they score low; scores lie in 0..1."""

    threshold: Share
    """Bound of the score."""

    @classmethod
    def name(cls) -> str:
        """The name on the command line: the class name in kebab case."""
        return kebab_case(cls.__name__)

    @property
    def never(self) -> float:
        """The threshold that no score passes."""
        return float(self.sign > 0)

    @abstractmethod
    def score(self, answer: Tensor, steps: int) -> Tensor:
        """How sure an answer is.

        Args:
            answer: the mean ``[B, alternatives]`` over the steps that count.
            steps: their number: all steps so far but those of the read-out's delay.

        Returns:
            The scores: float64 ``[B]``.
        """

    @property
    def longest(self) -> int | None:
        """The largest number of steps of a run that the rule can judge; ``None``: any."""
        return None

    def check_steps(self, steps: int) -> None:
        """Refuse runs that are too long for the rule.

        Raises:
            OptionError: this one is.
        """
        if self.longest is not None and steps > self.longest:
            raise OptionError(
                f"{self.name()}: the rule is for runs of up to {self.longest} steps, this one has {steps}; make it for "
                "the largest number of steps"
            )

    def met(self, answer: Tensor, steps: int) -> Tensor:
        """Which samples leave: bool ``[B]``; see `score`."""
        return self.sign * self.score(answer, steps) > self.sign * self.threshold


exits: Registry[type[ExitRule]] = Registry("exit rule")
"""Exit rules by name."""

R = TypeVar("R", bound=ExitRule)


def _register(rule: type[R]) -> type[R]:
    exits.register(rule.name(), rule)
    return rule


@dataclass(frozen=True)
class TemperedRule(ExitRule):
    """A rule on the softmax of the sum of the outputs, divided by a temperature."""

    temperature: Positive = 8.0
    """Divides the sum of the outputs."""


@_register
@dataclass(frozen=True)
class Confidence(TemperedRule):
    """The largest probability exceeds the threshold (SEENN-I, Li et al. 2023).

    ``max softmax(sum_(s <= t) y_s / temperature) > threshold``. The sum is ``t`` times the mean, so a sample grows
    surer with time even where its mean stays the same.
    """

    papers: ClassVar[tuple[str, ...]] = ("li2023seenn",)

    def score(self, answer: Tensor, steps: int) -> Tensor:
        """The largest probability; see `ExitRule.score`."""
        return _logits(answer, steps, self.temperature).softmax(1).amax(1)


@_register
@dataclass(frozen=True)
class DynamicConfidence(ExitRule):
    """The largest probability exceeds a threshold that was chosen on calibration data (Li, Jones and Furber 2023).

    ``max softmax(sum_(s <= t) y_s / horizon) > threshold`` with the largest number of steps as temperature: the last
    step decides by the softmax of the mean. `isospike.measure.choose_threshold` finds the threshold.
    """

    papers: ClassVar[tuple[str, ...]] = ("li2023unleashing",)

    horizon: Count
    """Largest number of steps T_max."""

    @property
    def longest(self) -> int | None:
        """The horizon."""
        return self.horizon

    def score(self, answer: Tensor, steps: int) -> Tensor:
        """The largest probability; see `ExitRule.score`."""
        return _logits(answer, steps, self.horizon).softmax(1).amax(1)


@_register
@dataclass(frozen=True)
class Entropy(TemperedRule):
    """The normalised entropy is below the threshold (DT-SNN, Li et al. 2023).

    ``-sum_k p_k log p_k / log K < threshold`` with ``p = softmax(sum_(s <= t) y_s / temperature)`` over
    ``K`` alternatives.
    """

    papers: ClassVar[tuple[str, ...]] = ("li2023input",)
    sign: ClassVar[int] = -1

    def score(self, answer: Tensor, steps: int) -> Tensor:
        """The normalised entropy; see `ExitRule.score`."""
        logits = _logits(answer, steps, self.temperature)
        entropy = -(logits.softmax(1) * logits.log_softmax(1)).sum(1)
        return entropy / math.log(logits.shape[1])


def _logits(answer: Tensor, steps: int, temperature: float) -> Tensor:
    """The scaled sum in float64: float32 has few probabilities near 1."""
    return answer.double() * (steps / temperature)
