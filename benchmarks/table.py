"""Prints the result of run.py as Markdown: ``python benchmarks/table.py benchmarks/results/speed.json``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

LABELS = {
    "ann": "folded ANN, channels-last (the unit)",
    "layer": "isospike, executor `layer`",
    "step": "isospike, executor `step`",
    "peer_ann": "ANN in the peer's environment",
    "peer_s": "SpikingJelly, step mode `s`",
    "peer_m": "SpikingJelly, step mode `m`",
}
BAR_LABELS = {
    "layer_vs_spikingjelly": "SpikingJelly's faster mode / `layer`",
    "calibration_over_model": "slowest calibration / plain model",
    "memory_over_budget_and_state": "peak of `layer` / (budget + state)",
    "memory_growth_with_steps": "peak of `layer`, largest / smallest over T",
}


def markdown(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    rule = ["---"] + ["---:"] * (len(columns) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [columns, rule, *rows])


def number(value: float | None, digits: int = 2) -> str:
    """A fixed number of digits; ``-`` for what was not measured."""
    return "-" if value is None else f"{value:.{digits}f}"


def ratio(value: dict[str, Any] | None) -> str:
    """Median and range over the rounds: ``1.52 (1.48-1.60)``."""
    if value is None:
        return "-"
    return f"{value['median']:.2f} ({min(value['rounds']):.2f}-{max(value['rounds']):.2f})"


def head(result: dict[str, Any]) -> str:
    arguments, machine, spikes = result["arguments"], result["machine"], result["spikes"]
    versions = {**result["versions"]}
    if result["peer"] is not None:
        versions["peer"] = " ".join(f"{name} {version}" for name, version in result["peer"]["versions"].items())
    lines = [
        f"# {arguments['network']}, T = {arguments['steps']}, batch {arguments['batch']}",
        f"`{result['command']}`, {result['date']}, {arguments['repeats']} rounds",
        f"{machine['processor']}, cores: {machine['cores']}, threads: {machine['threads']}, "
        f"load before {machine['load_average_before']:.2f}; "
        + "; ".join(f"{name} {version}" for name, version in versions.items()),
        f"{spikes['neurons']} neurons at {spikes['sites']} sites, {spikes['mean']:.3f} spikes per neuron and step "
        f"(sites {spikes['lowest_site']:.3f} to {spikes['highest_site']:.3f}); "
        f"method {result['method']['name']} {result['method']['options']}",
    ]
    return "\n\n".join(lines + ([result["peer_missing"]] if result["peer_missing"] else []))


def bars(result: dict[str, Any]) -> str:
    rows = []
    for name, bar in result["bars"].items():
        verdict = "not measured" if bar["met"] is None else "yes" if bar["met"] else "**no**"
        sign = "≥" if bar["better"] == "higher" else "≤"
        rows.append([BAR_LABELS[name], f"{sign} {bar['bar']:g}", number(bar["measured"]), verdict])
    return "## Bars\n\n" + markdown(["", "bar", "measured", "met"], rows)


def speed(result: dict[str, Any]) -> str:
    timed = result["speed"]
    rows = [
        [LABELS[name], number(seconds * 1e3, 1), ratio(timed["ratios"].get(f"{name}_over_steps_x_ann"))]
        for name, seconds in timed["median_seconds"].items()
    ]
    text = "## Speed\n\n" + markdown(["", "median ms", "/ (T x ANN), median (range)"], rows)
    if timed["fastest_peer_mode"] is None:
        return text
    against = {name: timed["ratios"][f"peer_over_{name}"] for name in ("layer", "step")}
    faster = LABELS[timed["fastest_peer_mode"]]
    return f"{text}\n\n{faster} takes {ratio(against['layer'])} times `layer`, {ratio(against['step'])} times `step`."


def sweep(result: dict[str, Any]) -> str:
    swept = result["sweep"]
    rows = [
        [f"T = {steps}", number(swept["median_seconds"][steps] * 1e3, 1), ratio(value)]
        for steps, value in swept["layer_over_steps_x_ann"].items()
    ]
    return "## Executor `layer` over T\n\n" + markdown(["", "median ms", "/ (T x ANN), median (range)"], rows)


def calibration(result: dict[str, Any]) -> str:
    measured = result["calibration"]
    rows = [
        [name, number(seconds * 1e3, 1), ratio(measured["ratios"].get(name))]
        for name, seconds in measured["median_seconds"].items()
    ]
    title = f"## Calibration over {measured['batches']} batches\n\n"
    return title + markdown(["", "median ms", "/ model, median (range)"], rows)


def memory(result: dict[str, Any]) -> str:
    measured = result["memory"]
    rows: dict[tuple[str, int], dict[str, str]] = {}
    for run in measured["runs"]:
        row = rows.setdefault((run["executor"], run["steps"]), {})
        row["at once"], row["state"] = str(run["steps_at_once"]), number(run["state_mib"], 1)
        row[run["allocator"]] = number(run["peak_rss_increase_mib"], 1)
    columns = ("at once", "state", "default", "mapped")
    cells = [
        [f"`{name}`, T = {steps}", *(row.get(column, "-") for column in columns)] for (name, steps), row in rows.items()
    ]
    if measured["peer"] is not None:
        peer = measured["peer"]
        cells += [[f"{LABELS[f'peer_{m}']}, T = {peer['steps']}", "", "", number(peer[m], 1), ""] for m in ("s", "m")]
    title = f"## Extra peak memory in MiB, budget {measured['budget_mib']}\n\n"
    return title + markdown(["", "steps at once", "state", "peak", "peak, memory mapped"], cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="a JSON file of run.py")
    result = json.loads(parser.parse_args().file.read_text())
    print("\n\n".join(section(result) for section in (head, bars, speed, sweep, calibration, memory)))


if __name__ == "__main__":
    main()
