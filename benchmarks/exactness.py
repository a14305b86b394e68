"""Random networks with accumulate-then-emit neurons: wrong codes and spikes, and what a collapsed run costs.

    python benchmarks/exactness.py
    python benchmarks/exactness.py --networks 20 --out exactness.json

For every network: codes and spikes of the stepped and the collapsed run against the quantised ANN, in float64 and in
float32, and on the binary grid also the outputs, bit for bit. Then ratios of process time on one CIFAR ResNet: a run of
each executor over one pass of the quantised ANN, in turns.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import isospike as iso

METHODS = (iso.methods.BitCoded(bits=4), iso.methods.BitCoded(bits=8), iso.methods.Pascal(levels=8))
