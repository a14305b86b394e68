"""Measures of a spiking network beside its ANN."""

from isospike.measure.certificate import Certificate, SiteEquality, SiteError
from isospike.measure.evaluating import evaluate
from isospike.measure.evaluation import Evaluation
from isospike.measure.exit_threshold import ExitChoice, ExitPoint, choose_threshold
from isospike.measure.exits import ExitEvaluation
from isospike.measure.verifying import verify

__all__ = [
    "Certificate",
    "Evaluation",
    "ExitChoice",
    "ExitEvaluation",
    "ExitPoint",
    "SiteEquality",
    "SiteError",
    "choose_threshold",
    "evaluate",
    "verify",
]
