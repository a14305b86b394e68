"""GPUs must not round the operands of products; what the user set comes back."""

from __future__ import annotations

import threading

import pytest
import torch

from isospike.executors.precision import whole_operands


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


def test_threads_inside_at_once_give_the_settings_back():
    """The one that entered last leaves last: what it found was changed already."""
    before, entered, leave = settings(), threading.Event(), threading.Event()

    def second() -> None:
        with whole_operands():
            entered.set()
            leave.wait(10)
            assert settings() == ("ieee", "ieee")

    thread = threading.Thread(target=second)
    with whole_operands():
        thread.start()
        entered.wait(10)
    assert settings() == ("ieee", "ieee")
    leave.set()
    thread.join()
    assert settings() == before
