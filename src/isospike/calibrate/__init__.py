"""Calibration: streaming statistics per activation site, O(channels) memory."""
