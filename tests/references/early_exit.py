"""Early exits written from the papers alone: one sample, plain loops over Python numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

Outputs = Sequence[Sequence[float]]
"""The read-out of every step: ``[T][classes]``."""


def softmax(values: Sequence[float]) -> list[float]:
    """Probabilities of logits."""
    largest = max(values)
    powers = [math.exp(value - largest) for value in values]
    return [power / sum(powers) for power in powers]


def seenn(outputs: Outputs, threshold: float, temperature: float) -> tuple[int, int]:
    """SEENN-I: the step at which the sample leaves, and its class."""
    total = [0.0] * len(outputs[0])
    for step, output in enumerate(outputs, start=1):
        total = [a + b for a, b in zip(total, output, strict=True)]
        confidence = max(softmax([value / temperature for value in total]))
        if confidence > threshold:
            return step, total.index(max(total))
    return len(outputs), total.index(max(total))


def dynamic_confidence(outputs: Outputs, threshold: float) -> tuple[int, int]:
    """Dynamic Confidence: the softmax of the sum divided by all steps, ``len(outputs)``."""
    return seenn(outputs, threshold, temperature=len(outputs))


def dynamic_timestep(outputs: Outputs, threshold: float, temperature: float) -> tuple[int, int]:
    """DT-SNN: the sample leaves when the normalised entropy falls below the threshold."""
    total = [0.0] * len(outputs[0])
    for step, output in enumerate(outputs, start=1):
        total = [a + b for a, b in zip(total, output, strict=True)]
        probabilities = softmax([value / temperature for value in total])
        entropy = -sum(p * math.log(p) for p in probabilities if p > 0) / math.log(len(total))
        if entropy < threshold:
            return step, total.index(max(total))
    return len(outputs), total.index(max(total))
