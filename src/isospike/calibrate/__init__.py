"""Calibration: streaming statistics per activation site, O(channels) memory."""

from isospike.calibrate.codes import count_codes

__all__ = ["count_codes"]
