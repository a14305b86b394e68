"""Measures of a spiking network beside its ANN."""

from isospike.measure.accuracy import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]
