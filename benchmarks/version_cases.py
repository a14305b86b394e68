"""What `versions.py` times in one version of isospike, as one process: the calls that every version has.

Prints one JSON object: by case the processor seconds, the MiB by which it raised the peak, a digest of what it gave.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import isospike as iso
from machine import peak_increase
from networks import NETWORKS, inputs

METHODS: dict[str, Any] = {
    "maximum": iso.methods.Maximum(),
    "local-threshold-balancing": iso.methods.LocalThresholdBalancing(iterations=20),
    "calibrated-buffered": iso.methods.CalibratedBuffered(steps=(2, 4)),
    "bit-coded": iso.methods.BitCoded(bits=4),
    "pascal": iso.methods.Pascal(levels=4),
}
STEPS = {"maximum": 8, "local-threshold-balancing": 8, "calibrated-buffered": 4, "bit-coded": None, "pascal": None}
IMAGES = 32
CALLS = 5
"""Single images in a row: what a call costs beside its computation."""
PASSES = 3


def main() -> None:
    """Run every case once."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    torch.set_num_threads(1)
    model, images = NETWORKS["resnet20-cifar"](0), inputs(IMAGES, 0)
    graph = iso.capture(model, images)
    cases: dict[str, Callable[[], Any]] = {"capture": lambda: iso.capture(model, images)}
    networks = {name: iso.convert(graph, method, data=[images]) for name, method in METHODS.items()}
    for name, method in METHODS.items():
        cases[f"convert {name}"] = partial(iso.convert, graph, method, data=[images])
    for name, snn in networks.items():
        cases[f"run {name}"] = partial(snn, images, steps=STEPS[name])
        cases[f"{CALLS} calls {name}"] = partial(calls, snn, images, STEPS[name])
        cases[f"account {name}"] = partial(account, snn, images[:8], STEPS[name])
        cases[f"save and load {name}"] = partial(stored, snn)
    print(json.dumps({name: timed(case) for name, case in cases.items()}))


def timed(case: Callable[[], Any]) -> dict[str, Any]:
    """One case: warm, then the least processor time of a few passes on one thread, and its memory."""
    made = case()
    seconds = []
    for _ in range(PASSES):
        start = time.process_time()
        case()
        seconds.append(time.process_time() - start)
    return {"seconds": min(seconds), "mib": peak_increase(case), "digest": digest(made)}


def calls(snn: Any, images: Tensor, steps: int | None) -> list[Tensor]:
    """One image after the other."""
    return [snn(images[:1], steps=steps) for _ in range(CALLS)]


def account(snn: Any, images: Tensor, steps: int | None) -> list[str]:
    """The ledger of a run, as JSON."""
    return [json.dumps(costs.to_dict(), sort_keys=True) for costs in iso.account(snn, [images], steps=steps).values()]


def stored(snn: Any) -> dict[str, Tensor]:
    """The tensors of a network written and read again."""
    with tempfile.TemporaryDirectory() as folder:
        snn.save(Path(folder) / "net.snn")
        return dict(iso.load(Path(folder) / "net.snn").graph.state_dict())


def digest(made: Any) -> str | None:
    """What distinguishes results; ``None`` for what the versions describe differently."""
    if isinstance(made, dict):
        return digest([value for _, value in sorted(made.items())])
    if isinstance(made, list | tuple):
        return hashlib.sha256("".join(str(digest(one)) for one in made).encode()).hexdigest()[:16]
    if isinstance(made, Tensor):
        return hashlib.sha256(made.contiguous().numpy().tobytes()).hexdigest()[:16]
    return hashlib.sha256(made.encode()).hexdigest()[:16] if isinstance(made, str) else None


if __name__ == "__main__":
    main()
