"""Conversion methods: one file each; importing the file registers the method."""

from isospike.methods.local_threshold_balancing import LocalThresholdBalancing
from isospike.methods.maximum import Maximum
from isospike.methods.method import Method, Parts, methods, register
from isospike.methods.percentile import Percentile

__all__ = ["LocalThresholdBalancing", "Maximum", "Method", "Parts", "Percentile", "methods", "register"]
