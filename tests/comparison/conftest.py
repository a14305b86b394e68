"""The digits network captured, and a comparison of every method on it."""

from __future__ import annotations

import pytest
from digit_data import calibration, reported_images

import isospike as iso
from isospike.comparison import Comparison
from isospike.demo import load_digits_net

SHORT = {
    "calibration-advanced": {"iterations": 2, "refine_images": 50},
    "calibration-light": {"refine_images": 50},
    "calibrated-buffered": {"refine_images": 50},
    "ftbc": {"iterations": 2},
    "local-threshold-balancing": {"iterations": 4},
    "spike-norm": {"calibration_steps": 8},
    "rmp": {"calibration_steps": 8},
}


@pytest.fixture(scope="session")
def graph() -> iso.Graph:
    return iso.capture(load_digits_net(), calibration()[0][0])


@pytest.fixture(scope="session")
def everything(graph) -> Comparison:
    return iso.compare(graph, calibration(), reported_images(), steps=(2, 8), options=SHORT)
