"""Scale rules: how the threshold of every site is found from calibration data."""

from isospike.activations.activation import Granularity as Granularity
from isospike.scales.batch_norm import BatchNormRule as BatchNormRule
from isospike.scales.gaussian import GaussianRule as GaussianRule
from isospike.scales.learned import LearnedRule as LearnedRule
from isospike.scales.local_threshold_balancing import LocalThresholdBalancingRule as LocalThresholdBalancingRule
from isospike.scales.maximum import MaximumRule as MaximumRule
from isospike.scales.mmse import MMSERule as MMSERule
from isospike.scales.percentile import PercentileRule as PercentileRule
from isospike.scales.rule import Fineness as Fineness
from isospike.scales.rule import Observer as Observer
from isospike.scales.rule import ScaleRule as ScaleRule
from isospike.scales.rule import make_rule as make_rule
from isospike.scales.rule import rules as rules
from isospike.scales.spike_norm import SpikeNormRule as SpikeNormRule
