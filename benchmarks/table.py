"""Prints the result of ``run.py`` as Markdown.

    python benchmarks/table.py benchmarks/results/speed.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def render(result: dict[str, Any]) -> str:
    """All sections of one result."""
    arguments, machine = result["arguments"], result["machine"]
    head = [
        f"`{result['command']}`, {result['date']}",
        f"{arguments['network']}, T = {arguments['steps']}, batch {arguments['batch']}, {machine['threads']} threads; "
        f"{', '.join(f'{name} {version}' for name, version in result['versions'].items())}",
        f"machine: {json.dumps({k: v for k, v in machine.items() if k != 'threads'})}",
        f"mean spike rate {result['spikes']['mean']:.3f}",
    ]
    sections = [head, speed(result), sweep(result), calibration(result), memory(result), bars(result)]
    return "\n\n".join("\n".join(section) for section in sections)


def rows(header: list[str], body: list[list[str]]) -> list[str]:
    """Lines of a Markdown table."""
    return [f"| {' | '.join(row)} |" for row in [header, ["---"] * len(header), *body]]


def speed(result: dict[str, Any]) -> list[str]:
    """Median seconds and the ratio to T passes of the ANN."""
    timed = result["speed"]
    body = []
    for name, seconds in timed["median_seconds"].items():
        ratio = timed["ratios"].get(f"{name}_over_steps_x_ann")
        body.append([name, f"{seconds:.3f}", "1 (unit: one pass)" if ratio is None else f"{ratio['median']:.2f}"])
    peer = timed["ratios"].get("peer_over_layer")
    note = [] if peer is None else ["", f"peer ({timed['fastest_peer_mode']}) / layer: {peer['median']:.2f}"]
    return [*rows(["case", "median s", "/ (T x ANN pass)"], body), *note]


def sweep(result: dict[str, Any]) -> list[str]:
    """The layer executor at several T."""
    ratios = result["sweep"]["layer_over_steps_x_ann"]
    return rows(["layer", *(f"T={t}" for t in ratios)], [["/ (T x ANN)", *(f"{r['median']:.2f}" for r in ratios.values())]])


def calibration(result: dict[str, Any]) -> list[str]:
    """Calibration over a plain forward of the user's model."""
    ratios = result["calibration"]["ratios"]
    return rows(["calibration", "/ plain forward"], [[name, f"{r['median']:.2f}"] for name, r in ratios.items()])


def memory(result: dict[str, Any]) -> list[str]:
    """Extra peak memory of one run."""
    body = [
        [run["executor"], str(run["steps"]), str(run["steps_at_once"]), f"{run['peak_rss_increase_mib']:.0f}"]
        for run in result["memory"]["runs"]
        if run["peak_rss_increase_mib"] is not None
    ]
    return rows([f"executor (budget {result['memory']['budget_mib']} MiB)", "T", "steps at once", "extra peak MiB"], body)


def bars(result: dict[str, Any]) -> list[str]:
    """What was asked, what was measured."""
    body = []
    for name, bar in result["bars"].items():
        measured = "not measured" if bar["measured"] is None else f"{bar['measured']:.2f}"
        body.append([name, f"{bar['bar']} ({bar['better']} is better)", measured, str(bar["met"])])
    return rows(["bar", "asked", "measured", "met"], body)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/table.py RESULT.json")
    print(render(json.loads(Path(sys.argv[1]).read_text())))
