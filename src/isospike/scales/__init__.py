"""Scale rules: how the threshold of every site is found from calibration data."""

from isospike.activations.activation import Granularity
from isospike.scales.gaussian import GaussianRule
from isospike.scales.learned import LearnedRule
from isospike.scales.local_threshold_balancing import LocalThresholdBalancingRule
from isospike.scales.maximum import MaximumRule
from isospike.scales.mmse import MMSERule
from isospike.scales.percentile import PercentileRule
from isospike.scales.rule import Fineness, Observer, ScaleRule, make_rule, rules
from isospike.scales.spike_norm import SpikeNormRule

__all__ = [
    "Fineness",
    "GaussianRule",
    "Granularity",
    "LearnedRule",
    "LocalThresholdBalancingRule",
    "MMSERule",
    "MaximumRule",
    "Observer",
    "PercentileRule",
    "ScaleRule",
    "SpikeNormRule",
    "make_rule",
    "rules",
]
