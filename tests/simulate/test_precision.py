"""GPUs must not round the operands of products; what the user set comes back."""

from __future__ import annotations

import pytest
import torch

from isospike.simulate.precision import whole_operands


def settings() -> tuple[str, str]:
    return torch.backends.cudnn.conv.fp32_precision, torch.backends.cuda.matmul.fp32_precision


def test_operands_are_whole_and_the_settings_come_back():
    before = settings()
    with whole_operands():
        assert settings() == ("ieee", "ieee")
    assert settings() == before
    with pytest.raises(ZeroDivisionError), whole_operands():
        _ = 1 / 0
    assert settings() == before
