"""Refinements: what is changed about a network after it was measured or converted."""

from isospike.refine.bias import BiasCalibration as BiasCalibration
from isospike.refine.bias_shift import BiasShift as BiasShift
from isospike.refine.emitter_bias import EmitterBiasCalibration as EmitterBiasCalibration
from isospike.refine.exact import ExactGrid as ExactGrid
from isospike.refine.grid import put_on_grid as put_on_grid
from isospike.refine.levels import allocate_levels as allocate_levels
from isospike.refine.metric import metric_of_counts as metric_of_counts
from isospike.refine.metric import metric_of_levels as metric_of_levels
from isospike.refine.potential import PotentialCalibration as PotentialCalibration
from isospike.refine.refinement import Calibration as Calibration
from isospike.refine.refinement import Refinement as Refinement
from isospike.refine.temporal_bias import TemporalBiasCalibration as TemporalBiasCalibration
from isospike.refine.weights import WeightCalibration as WeightCalibration
