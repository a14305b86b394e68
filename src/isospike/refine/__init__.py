"""Refinements: what is changed about a network after it was measured or converted."""

from isospike.refine.bias import BiasCalibration
from isospike.refine.bias_shift import BiasShift
from isospike.refine.emitter_bias import EmitterBiasCalibration
from isospike.refine.exact import ExactGrid
from isospike.refine.grid import put_on_grid
from isospike.refine.levels import allocate_levels
from isospike.refine.metric import metric_of_counts, metric_of_levels
from isospike.refine.potential import PotentialCalibration
from isospike.refine.refinement import Calibration, Refinement
from isospike.refine.temporal_bias import TemporalBiasCalibration
from isospike.refine.weights import WeightCalibration

__all__ = [
    "BiasCalibration",
    "BiasShift",
    "Calibration",
    "EmitterBiasCalibration",
    "ExactGrid",
    "PotentialCalibration",
    "Refinement",
    "TemporalBiasCalibration",
    "WeightCalibration",
    "allocate_levels",
    "metric_of_counts",
    "metric_of_levels",
    "put_on_grid",
]
