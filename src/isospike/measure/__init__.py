"""Measures of a spiking network beside its ANN."""

from isospike.measure.accuracy import Evaluation, evaluate
from isospike.measure.certificate import Certificate, SiteEquality, SiteError
from isospike.measure.verify import verify

__all__ = ["Certificate", "Evaluation", "SiteEquality", "SiteError", "evaluate", "verify"]
