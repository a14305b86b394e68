"""Methods side by side on one network: accuracy, agreement and spikes at every T, one JSON file per method.

    python benchmarks/methods.py ../shared/data/models.py:cifar_resnet --data cifar10:DIR --out results/methods/NAME
    python benchmarks/accuracy.py results/methods/NAME/*.json

Every method takes the same calibration images (the training split) and is measured on the first images of the test
split. A file that exists is kept if images and options are the same, so a broken run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import torch

import isospike as iso
from isospike.data import open_data
from isospike.data.images import Split
from isospike.data.source import Batches
from isospike.files import replacing
from isospike.methods.method import Method
from isospike.models import LoadedModel, load_model
from machine import describe

M = iso.methods


STEPS = (2, 4, 8, 16, 32, 64, 128)
QCFS_STEPS = (2, 4, 8, 16, 32)


def training_free(steps: tuple[int, ...]) -> dict[str, Method]:
    """Rows for ReLU networks; those called mmse have thresholds and shift of the light pipeline, and what they name."""
    return {
        "maximum": M.Maximum(),
        "percentile": M.Percentile(),
        "percentile-channel": M.Percentile(granularity="channel"),
        "spike-norm": M.SpikeNorm(),
        "rmp": M.RMP(),
        "opi": M.OPI(),
        "opi-channel": M.OPI(granularity="channel"),
        "qcfs": M.QCFS(),
        "snm": M.SNM(),
        "burst": M.Burst(),
        "buffered-1": M.Buffered(v_init=0.5),
        "buffered-2": M.Buffered(v_init=0.5, largest=2),
        "radix-4": M.Radix(bits=4),
        "bit-coded-4": M.BitCoded(bits=4),
        "opt": M.Opt(steps=steps),
        "mmse": M.Opt(steps=steps, granularity="channel", scale="mmse"),
        "mmse-bias": M.CalibrationLight(steps=steps, refine_images=256),
        "mmse-potential": M.CalibrationAdvanced(steps=steps, refine_images=256, iterations=0),
        "mmse-weights-potential": M.CalibrationAdvanced(steps=steps, refine_images=256, iterations=1000),
        "calibration-advanced": M.CalibrationAdvanced(steps=steps),
        "ftbc": M.FTBC(steps=steps),
        "local-threshold-balancing": M.LocalThresholdBalancing(),
        "calibrated-buffered": M.CalibratedBuffered(steps=steps, refine_images=256),
        "calibrated-buffered-4": M.CalibratedBuffered(steps=steps, refine_images=256, largest=4),
        "calibrated-buffered-2": M.CalibratedBuffered(steps=steps, refine_images=256, largest=2),
        "calibrated-buffered-1": M.CalibratedBuffered(steps=steps, refine_images=256, largest=1),
        "calibrated-powers-4": M.CalibratedBuffered(steps=steps, refine_images=256, neuron="buffered", largest=4),
    }


def qcfs_trained(steps: tuple[int, ...]) -> dict[str, Method]:
    """Rows for networks trained with QCFS."""
    return {
        "qcfs": M.QCFS(),
        "qcfs-buffered": M.Buffered(),
        "srp": M.SRP(),
        "cos": M.COS(),
        "ftbc": M.FTBC(steps=steps),
        "pascal": M.Pascal(),
    }


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    rows, usual = (training_free, STEPS) if options.weights is None else (qcfs_trained, QCFS_STEPS)
    steps = options.steps or usual
    known = rows(steps)
    unknown = set(options.methods or ()) - set(known)
    if unknown:
        sys.exit(f"no such rows: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    loaded = load_model(options.model, weights=options.weights)
    calibration = opened(options, loaded, "calibration")
    test = opened(options, loaded, "test")
    graph = iso.capture(loaded.model, next(iter(calibration))[0])
    for name in options.methods or known:
        target = options.out / f"{name}.json"
        if target.exists():
            check_same(target, known[name], options)
            print(f"{name}: kept", flush=True)
            continue
        result = {**measure(graph, known[name], calibration, test, steps), **circumstances(options)}
        with replacing(target) as part:
            part.write_text(json.dumps(result, indent=2) + "\n")
        print(name, *(f"{at}: {100 * found['score']:.2f}" for at, found in result["snn"].items()), flush=True)


def check_same(kept: Path, method: Method, options: argparse.Namespace) -> None:
    """Stop where a kept file is of other images or options."""
    found = json.loads(kept.read_text())
    asked = {"images": options.images, "calibration_images": options.calibration_images, "options": method.options()}
    if any(found[key] != value for key, value in asked.items()):
        sys.exit(f"{kept} was measured with other images or options; move it away or give another --out")


def opened(options: argparse.Namespace, loaded: LoadedModel, split: Split) -> Batches:
    """Random training images, or the first test images."""
    calibrating = split == "calibration"
    images = options.calibration_images if calibrating else options.images
    return open_data(options.data, split, preprocess=loaded.preprocess, images=images, shuffle=calibrating)


def measure(
    graph: iso.Graph, method: Method, calibration: Batches, test: Batches, steps: tuple[int, ...]
) -> dict[str, Any]:
    """Convert, and evaluate at all steps, at those that the network has, or at those above its probe."""
    started = time.perf_counter()
    snn = iso.convert(graph, method, data=calibration)
    seconds = time.perf_counter() - started
    own = snn.times.own
    found = iso.evaluate(snn, test, steps=own or tuple(at for at in steps if at > snn.probe))
    made = {"conversion_seconds": seconds, "method": method.name(), "options": snn.provenance.options}
    return {**found.to_dict(), **made}


def circumstances(options: argparse.Namespace) -> dict[str, Any]:
    """Images, machine and versions."""
    return {
        "calibration_images": options.calibration_images,
        "threads": options.threads,
        "machine": describe(),
        "versions": {"isospike": iso.__version__, "torch": torch.__version__},
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="as for isospike convert")
    parser.add_argument("--weights", type=Path, help="weights trained with QCFS: the rows for such networks")
    parser.add_argument("--data", required=True, help="as for isospike convert")
    parser.add_argument("--steps", type=numbers, help="numbers of steps [2 to 128, with --weights 2 to 32]")
    parser.add_argument("--images", type=int, default=1000, help="test images [%(default)s]")
    parser.add_argument("--calibration-images", type=int, default=1024, help="training images [%(default)s]")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch [%(default)s]")
    parser.add_argument("--out", type=Path, required=True, help="folder of the JSON files")
    parser.add_argument("--methods", type=lambda text: text.split(","), help="rows [all]")
    return parser.parse_args()


def numbers(text: str) -> tuple[int, ...]:
    """The numbers between commas."""
    return tuple(int(part) for part in text.split(","))


if __name__ == "__main__":
    main()
