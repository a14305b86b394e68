"""Neurons: modules in the place of activations, streaming (`Temporal`) or accumulate-then-emit (`Emitter`)."""

from isospike.neurons.bit_coded import BitCoded
from isospike.neurons.emitter import Emission, Emitter
from isospike.neurons.input_grid import InputGrid
from isospike.neurons.integrate_and_fire import IntegrateAndFire
from isospike.neurons.pasc import Pasc
from isospike.neurons.quantiser import DOWN, NEAREST, LearnedActivation, QuantisedActivation, activation_at_rest
from isospike.neurons.temporal import Memory, Temporal

__all__ = [
    "DOWN",
    "NEAREST",
    "BitCoded",
    "Emission",
    "Emitter",
    "InputGrid",
    "IntegrateAndFire",
    "LearnedActivation",
    "Memory",
    "Pasc",
    "QuantisedActivation",
    "Temporal",
    "activation_at_rest",
]
