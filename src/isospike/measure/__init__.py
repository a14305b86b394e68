"""Measures of a spiking network beside its ANN."""

from isospike.measure.accuracy import Evaluation, evaluate
from isospike.measure.effective_steps import effective_steps, energy_ratio, if_operations, operation_ratio
from isospike.measure.macs import count_macs

__all__ = [
    "Evaluation",
    "count_macs",
    "effective_steps",
    "energy_ratio",
    "evaluate",
    "if_operations",
    "operation_ratio",
]
