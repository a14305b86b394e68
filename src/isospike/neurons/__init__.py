"""Neurons: modules with memory in the place of activations."""

from isospike.neurons.integrate_and_fire import IntegrateAndFire
from isospike.neurons.temporal import Memory, Temporal

__all__ = ["IntegrateAndFire", "Memory", "Temporal"]
