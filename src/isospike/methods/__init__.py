"""Conversion methods: one file each; importing the file registers the method."""

from isospike.methods.bit_coded import BitCoded
from isospike.methods.local_threshold_balancing import LocalThresholdBalancing
from isospike.methods.maximum import Maximum
from isospike.methods.method import Method, methods, register
from isospike.methods.parts import AccumulateThenEmit, Parts, Streaming
from isospike.methods.pascal import Pascal
from isospike.methods.percentile import Percentile
from isospike.methods.qcfs import QCFS
from isospike.methods.radix import Radix

__all__ = [
    "QCFS",
    "AccumulateThenEmit",
    "BitCoded",
    "LocalThresholdBalancing",
    "Maximum",
    "Method",
    "Parts",
    "Pascal",
    "Percentile",
    "Radix",
    "Streaming",
    "methods",
    "register",
]
