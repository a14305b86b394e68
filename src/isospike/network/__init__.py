"""Spiking networks by kind: streaming, calibrated for numbers of steps, accumulate-then-emit."""

from isospike.network.asked import asked_steps
from isospike.network.build import network_of
from isospike.network.calibrated import CalibratedNetwork, CalibratedPart
from isospike.network.emitting import NO_EARLIER_ANSWER, EmittingNetwork
from isospike.network.network import SNN, kind_of
from isospike.network.profile import Profile, Provenance
from isospike.network.readout import ReadOut
from isospike.network.streaming import StreamingNetwork
from isospike.network.times import Times
from isospike.network.trains import TrainProgram, compile_trains

__all__ = [
    "NO_EARLIER_ANSWER",
    "SNN",
    "CalibratedNetwork",
    "CalibratedPart",
    "EmittingNetwork",
    "Profile",
    "Provenance",
    "ReadOut",
    "StreamingNetwork",
    "Times",
    "TrainProgram",
    "asked_steps",
    "compile_trains",
    "kind_of",
    "network_of",
]
