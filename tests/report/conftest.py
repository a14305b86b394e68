from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import report_sample as sample

import isospike as iso
from isospike.report import Raster, record_raster


@dataclass(frozen=True)
class Given:
    """Everything that a report is made from; shared, so never to be changed."""

    networks: dict[str, iso.SNN]
    comparison: dict[str, Any]
    diagnosis: dict[str, Any]
    raster: Raster
    costs: dict[str, Any]

    @property
    def more(self) -> dict[str, Any]:
        return {"diagnosis": self.diagnosis, "raster": self.raster, "costs": self.costs}


@pytest.fixture(scope="session")
def given() -> Given:
    networks = sample.networks()
    image = next(iter(sample.digits(1)))[0]
    return Given(
        networks,
        sample.comparison(networks),
        sample.diagnosis(networks["snm"]),
        record_raster(networks["snm"], image, 16),
        sample.costs(networks["snm"]),
    )
