"""What a network costs by site and by op, and what the figures take for granted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isospike.report.table import Column, Table
from isospike.report.units import energy_unit

COUNTS = (
    Column("spikes", "Spikes", "/image", 0),
    Column("packets", "Packets", "/image", 0),
    Column("synops", "Synops", "/image", 0),
    Column("synops_by_rate", "Synops by mean rate", "/image", 0),
    Column("macs", "MACs", "/image", 0),
    Column("neuron_updates", "Neuron updates", "/image", 0),
    Column("weight_bytes", "Weights read", "bytes/image", 0),
    Column("membrane_bytes", "Membranes", "bytes/image", 0),
)
"""Counts in the order of their columns."""
FIGURES = {
    "mac_pj": "multiply-accumulate",
    "ac_pj": "synaptic operation",
    "mult_pj": "the multiplication of a multiply-accumulate",
    "update_pj": "neuron update",
    "byte_pj": "byte of weights or membranes read or written",
    "bits": "bits of an operand",
}
"""Figures of an energy model; those in ``_pj`` are picojoules of one of them."""


OFTEN_LACKING = {"update_pj": "neuron updates", "byte_pj": "reading and writing weights and membranes"}
"""What models without these figures leave out."""


def cost_tables(costs: Mapping[str, Any]) -> tuple[Table, ...]:
    """The tables of what is there: totals, sites, ops, the parts of the energy and what they assume."""
    run = f"T = {costs['steps']}, means over {costs['images']} images."
    whole = {"whole network": costs["total"]}
    return (
        _counts("costs-total", Column("part", "Part"), "Totals", whole, run),
        _counts("costs-sites", Column("site", "Site"), "By the site whose events cause them", costs["by_site"], run),
        _counts("costs-ops", Column("op", "Op"), "By the op that receives them", costs["by_op"], run),
        *_energies(costs.get("energy_pj") or {}),
        *_assumptions(costs.get("energy_models") or []),
    )


def not_counted(costs: Mapping[str, Any]) -> tuple[str, ...]:
    """What no figure includes, in words: ops, and what an energy model has no figure for."""
    lacking = [
        f"{words}: the energy model {model['name']} has no figure"
        for model in costs.get("energy_models") or []
        for key, words in OFTEN_LACKING.items()
        if model.get(key) is None
    ]
    return tuple(dict.fromkeys((*costs["not_counted"], *lacking)))


def costs_of_account(account: Mapping[str, Any]) -> dict[str, Any]:
    """The costs at the largest number of steps of the object of ``isospike account --json``."""
    steps = max(account["snn"], key=int)
    found, model = account["snn"][steps], account["energy_model"]
    return {
        "steps": int(steps),
        "images": account["images"],
        **{key: found[key] for key in ("total", "by_site", "by_op")},
        "not_counted": account["not_counted"],
        "energy_models": [model],
        "energy_pj": {model["name"]: found["energy_pj"]},
    }


def cost_papers(costs: Mapping[str, Any]) -> tuple[str, ...]:
    """BibTeX keys of the energy models."""
    return tuple(key for model in costs.get("energy_models") or [] for key in model.get("papers", ()))


def _counts(name: str, first: Column, title: str, amounts: Mapping[str, Mapping[str, Any]], note: str) -> Table:
    known = [column for column in COUNTS if any(column.key in found for found in amounts.values())]
    rows = tuple((key, *(found.get(column.key) for column in known)) for key, found in amounts.items())
    return Table(name, title, (first, *known), rows, note=note)


def _energies(parts: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    unit = energy_unit(value for found in parts.values() for value in found.values())
    rows = tuple((model, part, value) for model, found in parts.items() for part, value in found.items())
    columns = (
        Column("energy_model", "Energy model"),
        Column("part", "Part"),
        Column("energy_pj", "Energy", f"{unit.name}/image", 2, factor=unit.factor),
    )
    return [Table("costs-energy", "Energy by part", columns, rows)] if rows else []


def _assumptions(models: list[Mapping[str, Any]]) -> list[Table]:
    rows = tuple(
        (model["name"], words, model[key], "pJ" if key.endswith("_pj") else "", model["source"])
        for model in models
        for key, words in FIGURES.items()
        if model.get(key) is not None
    )
    columns = (
        Column("energy_model", "Energy model"),
        Column("figure", "Figure"),
        Column("value", "Value"),
        Column("unit", "Unit"),
        Column("source", "Source", long=True),
    )
    note = "A figure that a model lacks is not counted; see below."
    return [Table("costs-assumptions", "What the energies assume", columns, rows, note=note)] if rows else []
