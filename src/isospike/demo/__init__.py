"""A small trained network for handwritten digits, to try everything without a download."""

from __future__ import annotations

from isospike.demo.network import DigitsNet, load_digits_net

__all__ = ["DigitsNet", "load_digits_net"]
