from __future__ import annotations

import pytest
from site_cases import CASES


@pytest.fixture(params=CASES)
def case(request) -> str:
    return request.param
