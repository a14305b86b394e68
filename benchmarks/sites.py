"""Rectifier sites beside sites in front of every product: trained ImageNet networks, bit-coded at several T.

    ISOSPIKE_MODELS=FOLDER python benchmarks/sites.py --out benchmarks/results/sites

FOLDER holds ``models.py`` with the networks and ``imagenet_samples()``: 1,000 labelled images from the training side,
so that figures are gaps between ANN and SNN, not accuracies. Images of even numbers calibrate, 500 of odd numbers
measure; nothing is chosen on them. Rows are kept as they are done: the same call goes on.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import isospike as iso
from isospike.costs import energy_models, reference_costs
from machine import describe

NETWORKS = {
    "EfficientNet-Lite0": "efficientnet_lite0",
    "MobileNetV2": "mobilenet_v2",
    "SqueezeNet": "squeezenet",
}
INPUTS = {"mobilenet_v2": "mobilenet_input"}
"""Readers of images that are not called as the network is."""
STEPS = (4, 5, 6, 8)
BATCH, ACCOUNTED = 25, 25
MODEL = "45nm-fp32"
COLUMNS = ("network", "sites", "steps", "ann", "score", "agreement", "spikes", "synops", "macs", "share")


def batches(models: Any, name: str, half: int, count: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Images of even (0) or odd (1) numbers with their classes."""
    images, labels = models.imagenet_samples()
    prepare = getattr(models, INPUTS.get(name, f"{name}_input"))
    for start in range(half, 2 * count, 2 * BATCH):
        chosen = slice(start, min(start + 2 * BATCH, 2 * count), 2)
        yield prepare(images[chosen]), torch.from_numpy(labels[chosen])


def measure(graph: iso.Graph, sites: Any, bits: int, calibration: list[Tensor], test: list[Any]) -> dict[str, Any]:
    """One network, converted, measured and accounted."""
    started = time.perf_counter()
    snn = iso.convert(graph, iso.methods.BitCoded(bits=bits), data=calibration, sites=sites, progress=False)
    converted = time.perf_counter() - started
    found = iso.evaluate(snn, test, progress=False)
    (costs,) = iso.account(snn, test[0][0][:ACCOUNTED], progress=False).values()
    total, model = costs.total(), energy_models[MODEL]
    rival = reference_costs(snn).rivals(model, snn.steps)
    own = costs.energy(model).total
    return {
        "ann": found.ann,
        "score": found.metric[snn.steps],
        "agreement": found.agreements[snn.steps].value,
        "layers": len(snn.sites),
        "driven": snn.provenance.driven,
        "spikes": total.spikes,
        "synops": total.synops,
        "macs": total.macs,
        "energy_pj": own,
        "rivals_pj": rival,
        "share": own / rival["quantised ANN"],
        "conversion_seconds": converted,
    }


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown; numbers of operations in millions per image."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    for row in rows:
        shown = {**row, **{key: f"{row[key] / 1e6:.2f} M" for key in ("spikes", "synops", "macs")}}
        shown |= {key: f"{100 * row[key]:.1f}" for key in ("ann", "score", "agreement")}
        shown["share"] = f"{row['share']:.2f}"
        lines.append("| " + " | ".join(str(shown[key]) for key in COLUMNS) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the JSON and the table")
    parser.add_argument("--calibration", type=int, default=200)
    parser.add_argument("--test", type=int, default=500)
    given = parser.parse_args()
    sys.path.insert(0, os.environ["ISOSPIKE_MODELS"])
    import models

    given.out.mkdir(parents=True, exist_ok=True)
    file = given.out / "sites.json"
    known: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"machine": describe(), "rows": []}
    done = {(row["network"], row["sites"], row["steps"]) for row in known["rows"]}
    for title, name in NETWORKS.items():
        wanted = [(s, t) for s, t in itertools.product(("rectifiers", "products"), STEPS) if (title, s, t) not in done]
        if not wanted:
            continue
        calibration = [x for x, _ in batches(models, name, 0, given.calibration)]
        test = list(batches(models, name, 1, given.test))
        graph = iso.capture(getattr(models, name)(), calibration[0])
        for sites, steps in wanted:
            row = measure(graph, sites, steps, calibration, test)
            known["rows"].append({"network": title, "sites": sites, "steps": steps, **row})
            file.write_text(json.dumps(known, indent=1) + "\n")
            (given.out / "README.md").write_text(_page(known, given))
            print(title, sites, steps, f"{100 * row['ann']:.1f}", f"{100 * row['score']:.1f}", flush=True)


def _page(known: dict[str, Any], given: argparse.Namespace) -> str:
    return (
        "# Rectifier sites and sites in front of every product\n\n"
        f"`ISOSPIKE_MODELS=FOLDER python benchmarks/sites.py --out FOLDER`, {known['machine']['processor']}. "
        f"Bit-coded, {given.calibration} images calibrate, {given.test} others measure (top-1 and agreement with the "
        f"ANN in %); operations per image of {ACCOUNTED}; `share`: energy over that of the quantised ANN of equal "
        f"bits, {MODEL}.\n\n" + table(known["rows"])
    )


if __name__ == "__main__":
    main()
