"""Trains like the test, and kills itself without warning in the middle of an epoch: ``killed.py CHECKPOINT STEPS``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import torch
from train_cases import RECIPE, batches, network

if __name__ == "__main__":
    from isospike.train import fit

    torch.set_num_threads(1)
    left = int(sys.argv[2])

    def count(what: str, done: int, total: int) -> None:
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    fit(network(), batches(), RECIPE, checkpoint=Path(sys.argv[1]), progress=count)
