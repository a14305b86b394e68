"""Matrix units that round their operands (TF32): which form of the spikes keeps ANN and SNN equal (maths 7.4)."""

from __future__ import annotations

import numpy as np
import pytest

LEVELS, STEPS, UNIT, UNIT_OUT = 15, 4, 0.1234, 0.2718
RANDOM = np.random.default_rng(0)
CODES = RANDOM.integers(0, LEVELS + 1, (4000, 64)).astype(float)
WEIGHT = RANDOM.normal(0, 0.2, (64, 64))
BITS = [np.floor(CODES / 2 ** (STEPS - t)) % 2 * 2 ** (STEPS - t) for t in range(1, STEPS + 1)]
UNARY = [(t <= CODES).astype(float) for t in range(1, LEVELS + 1)]


def rounded(x: np.ndarray) -> np.ndarray:
    """To 11 significant bits, which TF32 and float16 keep."""
    mantissa, exponent = np.frexp(x)
    return np.ldexp(np.rint(mantissa * 2**11), exponent - 11)


def multiplied(x: np.ndarray, dtype: type) -> np.ndarray:
    return (rounded(x).astype(dtype) @ rounded(WEIGHT).astype(dtype).T).astype(dtype)


def flips(train: list[np.ndarray], amplitude: float, dtype: type = np.float64) -> float:
    """Share of different codes of ANN and SNN, whose operands are the codes times ``amplitude``."""
    factor = UNIT / amplitude / UNIT_OUT
    ann = multiplied(amplitude * CODES, dtype)
    snn = sum(multiplied(amplitude * spikes, dtype) for spikes in train)
    codes = [np.clip(np.floor(factor * z + 0.5), 0, LEVELS) for z in (ann, snn)]
    return float(np.mean(codes[0] != codes[1]))


@pytest.mark.parametrize("train", [BITS, UNARY], ids=["binary", "unary"])
def test_amplitudes_part_and_codes_do_not(train):
    """The rounded amplitude of a code is not the sum of its steps' rounded amplitudes; whole numbers are not rounded.

    maths 7.4 found 2.6e-4 in the amplitude form; the bar is a tenth of it, in 256 000 codes.
    """
    assert np.array_equal(sum(train), CODES)
    assert flips(train, UNIT) > 2.6e-5
    assert flips(train, 1.0) == 0


def test_sums_in_float32_part_next_to_no_codes():
    """Also the sums rounded: a code flips only within a rounding of a half step, far more rarely than above."""
    for train in (BITS, UNARY):
        assert flips(train, 1.0, np.float32) < 0.1 * flips(train, UNIT, np.float32)
