"""A comparison, a diagnosis and costs made from real runs of the digits network.

Scores, agreements, spikes and times are measured. What other parts of the project measure (synops, energies, errors
by site) has STAND-INS computed here from the measured spikes, for layout only: no conclusion can be drawn from them.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import torch

import isospike as iso
from isospike.costs import count_macs
from isospike.data import open_data
from isospike.demo import load_digits_net
from isospike.graphs import capture
from isospike.intervals import interval
from isospike.methods import methods
from isospike.network import SNN
from isospike.tasks import Classification

TASK, SHAPES = Classification(), [(10,)]
STEPS = (1, 2, 4, 8, 16, 32)
TYPICAL = ("maximum", "buffered", "snm", "bit-coded", "pascal")
STAND_IN_MODEL = "stand-in"
SHORT = {"calibration-advanced": {"iterations": 5, "refine_images": 20}}


def networks(names: Iterable[str] = TYPICAL) -> dict[str, SNN]:
    """The digits network by each method."""
    torch.manual_seed(0)
    calibration = open_data("digits", "calibration", preprocess=None, shuffle=True, images=200)
    graph = capture(load_digits_net(), next(iter(calibration))[0][:2])
    return {name: iso.convert(graph, methods[name](**SHORT.get(name, {})), data=calibration) for name in names}


def digits(count: int) -> Any:
    return open_data("digits", "test", preprocess=None, shuffle=False, images=count)


def comparison(snns: dict[str, SNN], images: int = 100) -> dict[str, Any]:
    """The object that a comparison gives, energies being stand-ins."""
    test = digits(images)
    macs = sum(count_macs(load_digits_net(), next(iter(test))[0]).values())
    cells, ann = [], 0.0
    for label, snn in snns.items():
        started = time.perf_counter()
        at = tuple(t for t in STEPS if t > snn.probe)
        found = iso.evaluate(snn, test, steps=None if snn.times.own else at)
        ann, seconds = found.ann, time.perf_counter() - started
        cells += [_cell(label, snn, found, steps, macs, seconds) for steps in found.metric]
    compared = {
        "format": 2,
        "model": {
            "digest": "0123abcd" * 8,
            "sites": len(next(iter(snns.values())).sites),
            "macs": macs,
            "macs_with_padding": macs,
        },
        "task": TASK.to_dict(),
        "measures": {
            "score": TASK.score(SHAPES).measures[0].to_dict(),
            "agreement": TASK.agreement(SHAPES).measures[0].to_dict(),
        },
        "chance": 0.1,
        "ann": {
            "score": ann,
            "interval": list(interval(ann, images)),
            "energy_pj": {STAND_IN_MODEL: 4.6 * macs, "other": 3.2 * macs},
        },
        "images": images,
        "account_images": images,
        "calibration_images": 200,
        "shared": {"calibration-test": 0},
        "metric": "score",
        "energy_model": STAND_IN_MODEL,
        "cells": cells,
        "failed": [{"label": "qcfs", "steps": None, "error": "the sites have no learned bounds; train them first"}],
        "command": "isospike compare isospike.demo:load_digits_net --calibration digits --test digits",
        "versions": {"isospike": iso.__version__, "torch": torch.__version__, "python": "3.11"},
        "seed": 0,
    }
    return {**compared, "front": stand_in_front(cells)}


def _cell(label: str, snn: SNN, found: Any, steps: int, macs: int, seconds: float) -> dict[str, Any]:
    synops = 30 * found.spikes[steps]
    levels = 2**snn.times.steps if label == "bit-coded" else steps
    return {
        "label": label,
        "method": snn.provenance.method,
        "options": snn.provenance.options,
        "papers": list(snn.provenance.papers),
        "steps": steps,
        "score": found.metric[steps],
        "agreement": found.agreement[steps],
        "interval": list(found.measured[steps].interval),
        "spikes": found.spikes[steps],
        "packets": found.spikes[steps],
        "synops": synops,
        "macs": float(macs) / 20,
        "neuron_updates": 1000.0 * steps,
        "energy_pj": {STAND_IN_MODEL: 0.9 * synops + 0.23 * macs, "other": synops},
        "quantised_energy_pj": {STAND_IN_MODEL: macs * (0.2 + 0.05 * levels.bit_length() ** 2), "other": macs / 2},
        "conversion_seconds": 0.5,
        "seconds": seconds,
    }


def stand_in_front(cells: list[dict[str, Any]]) -> list[list[Any]]:
    """The cells that no other beats in score and energy."""
    front, best = [], -1.0
    for cell in sorted(cells, key=lambda cell: (cell["energy_pj"][STAND_IN_MODEL], -cell["score"])):
        if cell["score"] > best:
            front.append([cell["label"], cell["steps"]])
            best = cell["score"]
    return front


def diagnosis(snn: SNN, steps: int | None = 8) -> dict[str, Any]:
    """The object that a diagnosis gives: rates are measured, errors and advice are stand-ins."""
    images = next(iter(digits(20)))[0]
    run = iso.simulate(snn, images, steps=steps, record=iso.Record(outputs=False))
    sites = []
    for index, (site, spikes) in enumerate(run.spikes_per_sample.items()):
        rate = float(spikes.double().mean()) / (run.steps * 1000)
        part = 0.01 + 0.02 * (index % 3)
        sites.append(
            {
                "site": site,
                "clipping_error": part / 4,
                "quantisation_error": part,
                "unevenness_error": part / 2 + rate / 10,
                "local_error": 1.7 * part,
                "accumulated_error": 0.03 * (index + 1),
                "rate": rate,
                "silent_channels": index % 4,
                "saturated_channels": index % 2,
                "channels": 16 * (1 + index // 3),
                "spectral_norm": None if index == 2 else 1.5 + index / 10,
                "bound": 0.5 + index,
                "regained": 0.001 * index,
            }
        )
    return {
        "method": snn.provenance.method,
        "steps": run.steps,
        "images": 20,
        "metric": "score",
        "sites": sites,
        "worst": [
            {"site": sites[-1]["site"], "reason": "It regains the most.", "advice": "Take more steps."},
            {"site": sites[0]["site"], "reason": "Its rates are low.", "advice": "Lower its threshold."},
        ],
        "faults": [{"name": "thresholds", "fault": "One is much too large.", "advice": "Calibrate with more images."}],
        "verdict": "Quantisation accounts for most of the error; more steps would help.",
    }


def costs(snn: SNN, steps: int | None = 8) -> dict[str, Any]:
    """Counts by site and op: spikes are measured, the others stand-ins."""
    images = next(iter(digits(20)))[0]
    run = iso.simulate(snn, images, steps=steps, record=iso.Record(outputs=False))
    spikes = {site: float(counts.double().mean()) for site, counts in run.spikes_per_sample.items()}
    total = sum(spikes.values())
    return {
        "steps": run.steps,
        "images": 20,
        "total": {"spikes": total, "packets": total, "synops": 30 * total, "weight_bytes": 120 * total},
        "by_site": {site: {"spikes": count, "packets": count} for site, count in spikes.items()},
        "by_op": {f"behind {site}": {"synops": 30 * count} for site, count in spikes.items()},
        "not_counted": ["pool: comparisons of a max pool"],
        "energy_models": [
            {
                "name": STAND_IN_MODEL,
                "source": "made up for a test",
                "mac_pj": 4.6,
                "ac_pj": 0.9,
                "bits": 32,
                "papers": [],
            }
        ],
        "energy_pj": {STAND_IN_MODEL: {"synops": 27 * total, "traffic": None, "total": 27 * total}},
    }
