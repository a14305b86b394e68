"""Trainable activations: rectifiers with a trained bound and, most of them, a few levels below it."""

from isospike.activations.activation import MOST_LEVELS, Activation, Granularity, activations, register_activation
from isospike.activations.clip import Clip
from isospike.activations.module import Mirrored, TrainableActivation
from isospike.activations.qcfs import QCFS
from isospike.activations.qrelu import QReLU
from isospike.activations.slip_relu import SlipReLU
from isospike.activations.sparsity import BitSparsity, bit_sparsity, codes

__all__ = [
    "MOST_LEVELS",
    "QCFS",
    "Activation",
    "BitSparsity",
    "Clip",
    "Granularity",
    "Mirrored",
    "QReLU",
    "SlipReLU",
    "TrainableActivation",
    "activations",
    "bit_sparsity",
    "codes",
    "register_activation",
]
