"""What networks cost: operations, memory traffic, energy, beside what they compete with."""

from isospike.costs.accounting import account
from isospike.costs.amounts import Amounts
from isospike.costs.costs import CURRENTS, INPUT, CostEntry, Costs
from isospike.costs.effective import (
    effective_steps,
    effective_steps_of,
    energy_ratio,
    energy_ratio_of,
    operation_ratio,
    overall_energy_ratio,
)
from isospike.costs.efficiency import frames_per_second_per_watt, synops_to_reach
from isospike.costs.energy import Energy, EnergyModel
from isospike.costs.memory import Memory, memory_of
from isospike.costs.model_files import energy_model_called, energy_models, load_energy_model
from isospike.costs.reference import Reference, reference_costs
from isospike.graphs.macs import count_macs
from isospike.neurons import if_operations

__all__ = [
    "CURRENTS",
    "INPUT",
    "Amounts",
    "CostEntry",
    "Costs",
    "Energy",
    "EnergyModel",
    "Memory",
    "Reference",
    "account",
    "count_macs",
    "effective_steps",
    "effective_steps_of",
    "energy_model_called",
    "energy_models",
    "energy_ratio",
    "energy_ratio_of",
    "frames_per_second_per_watt",
    "if_operations",
    "load_energy_model",
    "memory_of",
    "operation_ratio",
    "overall_energy_ratio",
    "reference_costs",
    "synops_to_reach",
]
