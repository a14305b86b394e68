"""What a network costs by site and by op, and what the figures take for granted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isospike.costs import Amounts, Energy, EnergyModel, Memory
from isospike.costs.amounts import amounts_table
from isospike.costs.energy import energy_table, left_out_by
from isospike.costs.memory import memory_table
from isospike.results import IfKnown, Result, columns_of
from isospike.tables import Column, Table
from isospike.units import energy_unit


@dataclass(frozen=True)
class CostsShown(Result):
    """The costs of a report: those of one number of steps, and what is known of energy and memory besides."""

    steps: int
    """Number of steps T."""
    images: int
    """Number of images."""
    total: Amounts
    """Everything; means per image."""
    by_site: dict[str, Amounts]
    """By the site whose events cause it."""
    by_op: dict[str, Amounts]
    """By the op that receives it."""
    not_counted: tuple[str, ...]
    """What no figure includes, in words."""
    energy_pj: IfKnown[dict[str, Energy]]
    """Energy of one image in pJ, by energy model."""
    energy_models: IfKnown[tuple[EnergyModel, ...]]
    """What the energies assume."""
    rivals_pj: IfKnown[dict[str, dict[str, float]]]
    """Energy of one image in pJ by energy model and rival: ANN, quantised ANN, bit-serial ANN."""
    memory: IfKnown[Memory]
    """Bytes of the network's tensors."""

    @classmethod
    def noun(cls) -> str:
        """Costs."""
        return "costs"


def cost_tables(costs: Mapping[str, Any]) -> tuple[Table, ...]:
    """The tables of what is there: totals, sites, ops, the parts of the energy and what they assume."""
    run = f"T = {costs['steps']}, means over {costs['images']} images."
    whole = {"whole network": costs["total"]}
    return (
        amounts_table("costs-total", Column("part", "Part"), "Totals", amounts=whole, note=run),
        amounts_table(
            "costs-sites",
            Column("site", "Site"),
            "By the site whose events cause them",
            amounts=costs["by_site"],
            note=run,
        ),
        amounts_table(
            "costs-ops", Column("op", "Op"), "By the op that receives them", amounts=costs["by_op"], note=run
        ),
        *filter(None, [energy_table(costs.get("energy_pj") or {})]),
        *_rivals(costs.get("rivals_pj") or {}, costs.get("energy_pj") or {}),
        *([memory_table(costs["memory"])] if costs.get("memory") else []),
        *_assumptions(costs.get("energy_models") or []),
    )


def not_counted(costs: Mapping[str, Any]) -> tuple[str, ...]:
    """What no figure includes, in words: ops, and what an energy model has no figure for."""
    lacking = [text for model in costs.get("energy_models") or [] for text in left_out_by(model)]
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
        **_beside(account, found, model["name"]),
    }


def _beside(account: Mapping[str, Any], found: Mapping[str, Any], model: str) -> dict[str, Any]:
    """The rivals and the memory of an account, where it has them."""
    names = {"ANN": account.get("ann"), "quantised ANN": found.get("quantised_ann")}
    names["bit-serial ANN"] = found.get("bit_serial_ann")
    energies = {name: rival["energy_pj"].get("total") for name, rival in names.items() if rival is not None}
    memory = {"memory": account["memory"]} if "memory" in account else {}
    return {"rivals_pj": {model: energies}, **memory} if energies else memory


def cost_papers(costs: Mapping[str, Any]) -> tuple[str, ...]:
    """BibTeX keys of the energy models."""
    return tuple(key for model in costs.get("energy_models") or [] for key in model.get("papers", ()))


def _rivals(rivals: Mapping[str, Mapping[str, float]], own: Mapping[str, Mapping[str, float]]) -> list[Table]:
    """The energy of one image beside that of the networks it competes with."""
    totals = {
        (model, name): energy
        for model, found in rivals.items()
        for name, energy in {"this network": own.get(model, {}).get("total"), **found}.items()
        if energy
    }
    unit = energy_unit(totals.values())
    columns = (
        Column("energy_model", "Energy model"),
        Column("network", "Network"),
        Column("energy_pj", "Energy", f"{unit.name}/image", 2, factor=unit.factor),
    )
    rows = tuple((*key, energy) for key, energy in totals.items())
    return [Table("costs-rivals", "Energy beside its rivals", columns, rows)] if rows else []


def _assumptions(models: list[Mapping[str, Any]]) -> list[Table]:
    rows = tuple(
        (model["name"], figure.title, model[figure.key], figure.unit, model["source"])
        for model in models
        for figure in columns_of(EnergyModel)
        if model.get(figure.key) is not None
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
