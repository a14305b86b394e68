"""Conversion methods: one file each; importing the file registers the method."""

from isospike.methods.bit_coded import BitCoded
from isospike.methods.buffered import Buffered
from isospike.methods.burst import Burst
from isospike.methods.calibrated_buffered import CalibratedBuffered
from isospike.methods.calibration_advanced import CalibrationAdvanced
from isospike.methods.calibration_light import CalibrationLight
from isospike.methods.cos import COS
from isospike.methods.differential import Differential
from isospike.methods.expectation_compensation import ExpectationCompensation
from isospike.methods.ftbc import FTBC
from isospike.methods.harmony import Harmony
from isospike.methods.local_threshold_balancing import LocalThresholdBalancing
from isospike.methods.maximum import Maximum
from isospike.methods.method import Method, methods, register
from isospike.methods.opi import OPI
from isospike.methods.opt import Opt
from isospike.methods.parts import AccumulateThenEmit, Parts, Streaming
from isospike.methods.pascal import Pascal
from isospike.methods.percentile import Percentile
from isospike.methods.qcfs import QCFS
from isospike.methods.radix import Radix
from isospike.methods.rmp import RMP
from isospike.methods.rnl import RNL
from isospike.methods.slip_relu import SlipReLU
from isospike.methods.snm import SNM
from isospike.methods.spike_norm import SpikeNorm
from isospike.methods.srp import SRP

__all__ = [
    "COS",
    "FTBC",
    "OPI",
    "QCFS",
    "RMP",
    "RNL",
    "SNM",
    "SRP",
    "AccumulateThenEmit",
    "BitCoded",
    "Buffered",
    "Burst",
    "CalibratedBuffered",
    "CalibrationAdvanced",
    "CalibrationLight",
    "Differential",
    "ExpectationCompensation",
    "Harmony",
    "LocalThresholdBalancing",
    "Maximum",
    "Method",
    "Opt",
    "Parts",
    "Pascal",
    "Percentile",
    "Radix",
    "SlipReLU",
    "SpikeNorm",
    "Streaming",
    "methods",
    "register",
]
