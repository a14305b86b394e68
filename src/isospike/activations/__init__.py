"""Trainable activations: rectifiers with a trained bound and, most of them, a few levels below it."""

from isospike.activations.activation import MOST_LEVELS as MOST_LEVELS
from isospike.activations.activation import Activation as Activation
from isospike.activations.activation import Granularity as Granularity
from isospike.activations.activation import activations as activations
from isospike.activations.activation import register_activation as register_activation
from isospike.activations.clip import Clip as Clip
from isospike.activations.module import Mirrored as Mirrored
from isospike.activations.module import TrainableActivation as TrainableActivation
from isospike.activations.qcfs import QCFS as QCFS
from isospike.activations.qrelu import QReLU as QReLU
from isospike.activations.slip_relu import SlipReLU as SlipReLU
from isospike.activations.sparsity import BitSparsity as BitSparsity
from isospike.activations.sparsity import bit_sparsity as bit_sparsity
from isospike.activations.sparsity import codes as codes
