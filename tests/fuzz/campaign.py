"""Files changed by chance: every one is an error of isospike's own, or a network that saves, loads and runs the same.

    python tests/fuzz/campaign.py --cases 50000 --seed 7

prints what it found and exits 1 if there was anything else: another exception, a run of more than ten seconds, more
than a gigabyte, or a file of the changed file's doing. A crash ends the process; ``--log`` says at which case.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import platform
import random
import resource
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import isospike as iso
from fuzz.bases import NAMED
from fuzz.mutations import File, mutated
from isospike.errors import IsospikeError, UnknownNameError
from isospike.graphs.graph import op_of
from isospike.targets.artefact import saving

SECONDS = 10
MEMORY = 2**30
SMALL = 2**16
"""Largest input that is run."""
FORMATS = {"int64": torch.int64, "int32": torch.int32, "bool": torch.bool}


class TooLong(Exception):
    """A case took more than ten seconds of the processor."""


def stored(snn: iso.SNN, folder: Path) -> File:
    snn.save(folder / "base.snn")
    return File(*saving._read(folder / "base.snn"))


def judge(path: Path, again: Path) -> str:
    """What became of a file: ``refused``, ``refused to run`` or ``ran``.

    Raises:
        AssertionError: the network is another one after it was saved and loaded.
        Exception: anything that is no error of isospike's own.
    """
    try:
        snn = iso.load(path)
    except IsospikeError as error:
        return verdict("refused", error)
    with contextlib.suppress(UnknownNameError):  # a paper may have any name
        iso.cite(snn)
    if sum(torch.Size(op_of(node).shape).numel() for node in snn.graph.input_nodes) > SMALL:
        return "too large to run"
    x = samples(snn)
    try:
        steps = None if snn.times.steps else (snn.times.calibrated or (snn.probe + 2,))[0]
        outputs = [iso.simulate(snn, x, steps=steps, executor=name).output for name in executors(snn)]
    except IsospikeError as error:
        return verdict("refused to run", error)
    snn.save(again)
    repeated = iso.simulate(iso.load(again), x, steps=steps, executor=executors(snn)[0]).output
    assert same(outputs[0], repeated), "the network is another one after it was saved and loaded"
    return "ran"


def samples(snn: iso.SNN) -> iso.inputs.Inputs:
    """Two samples: real numbers in [0, 1), tokens and masks of zeros and ones."""
    generator = torch.Generator().manual_seed(0)
    found = {}
    for node in snn.graph.input_nodes:
        op = op_of(node)
        x = torch.rand(2, *op.shape, generator=generator, dtype=torch.float64)
        is_real = op.numbers == "real"
        found[op.name] = x.to(snn.reference_tensor.dtype) if is_real else x.round().to(FORMATS[op.numbers])
    return iso.inputs.NamedInputs(found) if len(found) > 1 else next(iter(found.values()))


def verdict(what: str, error: IsospikeError) -> str:
    assert "\n" not in str(error), f"an error of several lines: {error}"
    return what


def executors(snn: iso.SNN) -> tuple[str, ...]:
    if snn.times.steps is None:
        return ("layer",) if snn.probe else ("layer", "step")
    return ("collapsed", "stepped") if snn.times.steps <= 16 else ("collapsed",)


def same(a: object, b: object) -> bool:
    leaves = zip(torch.utils._pytree.tree_leaves(a), torch.utils._pytree.tree_leaves(b), strict=True)
    return all(torch.equal(x.nan_to_num(), y.nan_to_num()) for x, y in leaves)


def too_long(*_: object) -> None:
    raise TooLong


def limited() -> None:
    """A gigabyte more than now, and ten seconds of the processor for a case."""
    sizes = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    now = int(sizes["VmSize"].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, resource.RLIM_INFINITY))
    signal.signal(signal.SIGPROF, too_long)


def attempt(case: Path, again: Path) -> tuple[str, str]:
    """What became of a file, and of a wrong one how."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        return judge(case, again), ""
    except Exception as error:  # what this campaign looks for
        last = traceback.extract_tb(error.__traceback__)[-1]
        return "wrong", f"{type(error).__name__}: {error!s:.200} ({Path(last.filename).name}:{last.lineno})"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def run(cases: int, seed: int, log: Path | None) -> collections.Counter[str]:
    """The campaign: how many cases ended how."""
    torch.set_num_threads(1)
    counts: collections.Counter[str] = collections.Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [stored(make(), folder) for make in NAMED.values()]
        judge(folder / "base.snn", folder / "again.snn")
        limited()
        for case in range(cases):
            if log is not None:
                log.write_text(str(case))
            rng = random.Random(f"{seed}-{case}")
            (folder / "case.snn").write_bytes(mutated(rng.choice(files), rng))
            what, why = attempt(folder / "case.snn", folder / "again.snn")
            if (folder / "hacked").exists() or Path("hacked").exists():
                what, why = "wrong", "it ran code"
            counts[what] += 1
            if why:
                print(f"case {case}: {why}")
    print(f"{cases} cases of seed {seed}: " + ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, default=None, help="file that always names the case at work")
    parser.add_argument("--out", type=Path, default=None, help="JSON of the counts and of the machine")
    options = parser.parse_args()
    started = time.monotonic()
    counts = run(options.cases, options.seed, options.log)
    if options.out is not None:
        command = f"python tests/fuzz/campaign.py --cases {options.cases} --seed {options.seed}"
        machine = {"platform": platform.platform(), "capability": torch.backends.cpu.get_cpu_capability()}
        versions = {"isospike": iso.__version__, "torch": torch.__version__, "python": platform.python_version()}
        found = {"command": command, "machine": machine, "versions": versions, "counts": dict(sorted(counts.items()))}
        options.out.write_text(json.dumps({**found, "seconds": round(time.monotonic() - started)}, indent=2) + "\n")
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
