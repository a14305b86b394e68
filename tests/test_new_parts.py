"""A new part of the package is one file and one line: added to a copy of it, each is used by its name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

import isospike


@dataclass(frozen=True)
class New:
    """What is added to the package, and an expression that only holds with it."""

    line: str
    """At the end of the file that gathers the parts."""
    gathered_in: str
    use: str
    name: str = ""
    """The new file; empty: none is needed."""
    text: str = ""


PARTS = {
    "method": New(
        "from isospike.methods.halved import Halved as Halved",
        "methods/__init__.py",
        "iso.convert(graph, iso.methods.Halved(), data=[x]).provenance.method == 'halved' and 'halved' in methods",
        "methods/halved.py",
        """
        from dataclasses import dataclass
        from isospike import scales
        from isospike.methods.method import register
        from isospike.methods.streaming import StreamingMethod

        @register
        @dataclass(frozen=True, kw_only=True)
        class Halved(StreamingMethod):
            def parts(self):
                return self._streaming(scales.PercentileRule(self.granularity, percentile=50.0))
        """,
    ),
    "neuron": New(
        "from isospike.neurons.doubled import Doubled as Doubled",
        "neurons/__init__.py",
        "neurons.streaming['doubled'] is neurons.Doubled",
        "neurons/doubled.py",
        """
        from isospike.neurons.streaming_neuron import streaming
        from isospike.neurons.tracker import Tracker

        class Doubled(Tracker):
            largest = 2

        streaming.register("doubled", Doubled)
        """,
    ),
    "scale rule": New(
        "from isospike.scales.doubled import DoubledRule as DoubledRule",
        "scales/__init__.py",
        "iso.convert(graph, iso.methods.OPI(scale='doubled'), data=[x]).provenance.options['scale'] == 'doubled'",
        "scales/doubled.py",
        """
        from dataclasses import dataclass
        from isospike.scales.maximum import MaximumRule
        from isospike.scales.rule import rules

        @dataclass(frozen=True)
        class DoubledRule(MaximumRule):
            pass

        rules.register("doubled", DoubledRule)
        """,
    ),
    "pooling rule": New(
        "from isospike.pooling.any_spike import AnySpike as AnySpike",
        "pooling/__init__.py",
        "pooling.rules['any-spike'] is pooling.AnySpike",
        "pooling/any_spike.py",
        """
        from isospike.pooling.instantaneous import InstantaneousMaxPool
        from isospike.pooling.rule import rules

        class AnySpike(InstantaneousMaxPool):
            pass

        rules.register("any-spike", AnySpike)
        """,
    ),
    "activation": New(
        "from isospike.activations.ceiling import Ceiling as Ceiling",
        "activations/__init__.py",
        "iso.quantise(graph, iso.activations.Ceiling(), data=[x])(x).shape == (4, 10)",
        "activations/ceiling.py",
        """
        from dataclasses import dataclass
        from isospike.activations.activation import register_activation
        from isospike.activations.operator import define, within
        from isospike.activations.clip import Clip

        def _value(x, bound):
            return x.clamp(min=0).minimum(bound)

        _operator = define("ceiling", "", _value, pull=within)

        @register_activation
        @dataclass(frozen=True, kw_only=True)
        class Ceiling(Clip):
            name = "ceiling"

            def __call__(self, x, log_bound):
                return _operator(x, log_bound)
        """,
    ),
    "data source": New(
        "from isospike.data import noise as noise",
        "data/__init__.py",
        "len(list(open_data('noise:8', 'test', preprocess=None, shuffle=False, batch_size=4))) == 2",
        "data/noise.py",
        """
        import numpy as np
        from isospike.data.images import Images, sources
        from isospike.data.preprocess import Preprocess

        def noise(argument, split):
            images = np.zeros((int(argument), 8, 8, 1), dtype=np.uint8)
            return Images("noise", images, np.zeros(int(argument), dtype=np.int64), Preprocess(None, (0.5,), (0.5,)))

        sources.register("noise", noise)
        """,
    ),
    "executor": New(
        "from isospike.executors.pairs import Pairs as Pairs",
        "executors/__init__.py",
        "torch.equal(iso.simulate(snn, x, steps=4, executor='pairs').output, snn(x, steps=4))",
        "executors/pairs.py",
        """
        from isospike.executors.executor import executors
        from isospike.executors.streaming import StreamingExecutor

        class Pairs(StreamingExecutor):
            def steps_at_once(self, bytes_per_step, budget):
                return 2

        executors.register("pairs", Pairs())
        """,
    ),
    "op": New(
        '_plain(family.MOVE, "rot90")',
        "ops/records.py",
        "[op.role.value for op in iso.capture(Turned().eval(), x).ops if op.kind == 'rot90'] == ['linear']",
    ),
    "task": New(
        "from isospike.tasks.doubled import Doubled as Doubled",
        "tasks/__init__.py",
        "iso.convert(graph, iso.methods.Maximum(), data=[x], task='doubled').task.name() == 'doubled'",
        "tasks/doubled.py",
        """
        from dataclasses import dataclass
        from isospike.tasks.regression import Regression
        from isospike.tasks.task import register_task

        @register_task
        @dataclass(frozen=True)
        class Doubled(Regression):
            pass
        """,
    ),
    "exporter": New(
        "from isospike.targets.names import Names as Names",
        "targets/__init__.py",
        "iso.export(snn, 'net.txt', 'names') or open('net.txt').read() == ' '.join(snn.sites)",
        "targets/names.py",
        """
        from dataclasses import dataclass
        from isospike.targets.exporter import Exporter, register_exporter

        @register_exporter("names")
        @dataclass(frozen=True, kw_only=True)
        class Names(Exporter):
            suffix = ".txt"

            def write(self, snn, path):
                path.write_text(" ".join(snn.sites))
        """,
    ),
}

PROGRAM = """
import json
import torch
import isospike as iso
from isospike import executors, neurons, pooling
from isospike.data import open_data
from isospike.demo import load_digits_net
from isospike.methods import methods

class Turned(torch.nn.Module):
    def forward(self, x):
        return torch.rot90(x, 1, [2, 3]).relu()

x = torch.rand(4, 1, 8, 8)
graph = iso.capture(load_digits_net(), x)
snn = iso.convert(graph, iso.methods.Maximum(), data=[x])

def found(use):
    try:
        return bool(eval(use))
    except Exception as error:
        return f"{type(error).__name__}: {error}"

print(json.dumps({kind: found(use) for kind, use in json.load(open("uses.json")).items()}))
"""


def outcomes(folder: Path) -> dict[str, bool | str]:
    """What becomes of every use with the package of a folder."""
    (folder / "uses.json").write_text(json.dumps({kind: new.use for kind, new in PARTS.items()}))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, bool | str] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def copy(tmp_path_factory) -> Path:
    """A folder with a copy of the package."""
    folder = tmp_path_factory.mktemp("house")
    source = Path(isospike.__file__).parent
    shutil.copytree(source, folder / "isospike", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def with_parts(copy) -> tuple[dict[str, bool | str], dict[str, bool | str]]:
    """What there is without them, and with all of them."""
    before = outcomes(copy)
    for new in PARTS.values():
        if new.name:
            (copy / "isospike" / new.name).write_text(dedent(new.text))
        with (copy / "isospike" / new.gathered_in).open("a") as file:
            file.write(f"{new.line}\n")
    return before, outcomes(copy)


@pytest.mark.parametrize("kind", PARTS)
def test_a_part_is_a_file_and_a_line(kind, with_parts):
    before, after = with_parts
    assert before[kind] is not True
    assert after[kind] is True
