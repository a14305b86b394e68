"""isospike: trained PyTorch networks as spiking neural networks that do the same thing.

snn = isospike.convert(model, isospike.methods.LocalThresholdBalancing(), data=loader)
logits = snn(images, steps=32)
curve = isospike.evaluate(snn, test_loader, steps=[4, 8, 16, 32]).metric
"""

from isospike import activations, costs, errors, methods, refine, report, scales, targets, train
from isospike.citations import cite
from isospike.comparison import Choice, Comparison, auto, compare
from isospike.conversion import convert
from isospike.costs import account
from isospike.diagnosis import Diagnosis, diagnose
from isospike.errors import IsospikeError
from isospike.executors import Record, Run, State, compile, exits, simulate
from isospike.graphs import Graph, capture, fold_batch_norm
from isospike.measure import Certificate, Evaluation, choose_threshold, evaluate, verify
from isospike.network import SNN
from isospike.quantisation import quantise
from isospike.sites import Inspection, inspect
from isospike.targets import export
from isospike.targets.artefact.saving import load

__version__ = "0.1.0"

__all__ = [
    "SNN",
    "Certificate",
    "Choice",
    "Comparison",
    "Diagnosis",
    "Evaluation",
    "Graph",
    "Inspection",
    "IsospikeError",
    "Record",
    "Run",
    "State",
    "account",
    "activations",
    "auto",
    "capture",
    "choose_threshold",
    "cite",
    "compare",
    "compile",
    "convert",
    "costs",
    "diagnose",
    "errors",
    "evaluate",
    "exits",
    "export",
    "fold_batch_norm",
    "inspect",
    "load",
    "methods",
    "quantise",
    "refine",
    "report",
    "scales",
    "simulate",
    "targets",
    "train",
    "verify",
]
