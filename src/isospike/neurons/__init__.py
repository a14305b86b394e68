"""Neurons: modules in the place of activations, streaming (`Temporal`) or accumulate-then-emit (`Emitter`)."""

from isospike.neurons.bit_coded import BitCodedNeuron
from isospike.neurons.buffered import BufferedNeuron
from isospike.neurons.burst import BurstNeuron
from isospike.neurons.currents import Currents
from isospike.neurons.emitter import Emission, Emitter, emitting
from isospike.neurons.graded import Graded
from isospike.neurons.hard_reset import HardReset
from isospike.neurons.input_grid import InputGrid
from isospike.neurons.integrate_and_fire import IntegrateAndFire
from isospike.neurons.neuron import Kind, Neuron
from isospike.neurons.offset_shift import OffsetShift
from isospike.neurons.pasc import Pasc, if_operations
from isospike.neurons.probing import Probing, probings
from isospike.neurons.quantiser import (
    DOWN,
    NEAREST,
    LearnedActivation,
    QuantisedActivation,
    activation_at_rest,
    is_signed,
)
from isospike.neurons.rate import RateNeuron
from isospike.neurons.residual_mask import ResidualMask
from isospike.neurons.signed import SignedMemory
from isospike.neurons.streaming_neuron import StreamingNeuron, streaming
from isospike.neurons.temporal import EventCounts, Memory, Temporal
from isospike.neurons.tracker import Tracker

__all__ = [
    "DOWN",
    "NEAREST",
    "BitCodedNeuron",
    "BufferedNeuron",
    "BurstNeuron",
    "Currents",
    "Emission",
    "Emitter",
    "EventCounts",
    "Graded",
    "HardReset",
    "InputGrid",
    "IntegrateAndFire",
    "Kind",
    "LearnedActivation",
    "Memory",
    "Neuron",
    "OffsetShift",
    "Pasc",
    "Probing",
    "QuantisedActivation",
    "RateNeuron",
    "ResidualMask",
    "SignedMemory",
    "StreamingNeuron",
    "Temporal",
    "Tracker",
    "activation_at_rest",
    "emitting",
    "if_operations",
    "is_signed",
    "probings",
    "streaming",
]
