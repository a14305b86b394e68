"""The digits network captured, and a comparison of every method on it."""

from __future__ import annotations

import pytest
from digit_data import SHORT, calibration, reported_images

import isospike as iso
from isospike.comparison import Comparison
from isospike.demo import load_digits_net


@pytest.fixture(scope="session")
def graph() -> iso.Graph:
    return iso.capture(load_digits_net(), calibration()[0][0])


@pytest.fixture(scope="session")
def everything(graph) -> Comparison:
    return iso.compare(graph, calibration(), reported_images(), steps=(2, 8), options=SHORT)
