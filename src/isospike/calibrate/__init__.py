"""Calibration: streaming statistics per activation site, O(channels) memory."""

from isospike.calibrate.codes import Quantised, count_codes

__all__ = ["Quantised", "count_codes"]
