"""Scale rules: how the threshold of every site is found from calibration data."""

from isospike.activations.activation import Granularity
from isospike.scales.learned import Learned
from isospike.scales.local_threshold_balancing import LocalThresholdBalancing
from isospike.scales.maximum import Maximum
from isospike.scales.mmse import MMSE
from isospike.scales.percentile import Percentile
from isospike.scales.rule import Fineness, Observer, ScaleRule, make_rule, rules
from isospike.scales.spike_norm import SpikeNorm

__all__ = [
    "MMSE",
    "Fineness",
    "Granularity",
    "Learned",
    "LocalThresholdBalancing",
    "Maximum",
    "Observer",
    "Percentile",
    "ScaleRule",
    "SpikeNorm",
    "make_rule",
    "rules",
]
