"""Max pooling in spiking networks: one rule per file, chosen by name."""

from isospike.pooling.rule import MaxPoolRule, rules  # isort: skip
from isospike.pooling.average import place_average_pool_neurons
from isospike.pooling.cumulative import CumulativeMaxPool
from isospike.pooling.instantaneous import InstantaneousMaxPool
from isospike.pooling.place import place_max_pools
from isospike.pooling.winner import WinnerMaxPool

__all__ = [
    "CumulativeMaxPool",
    "InstantaneousMaxPool",
    "MaxPoolRule",
    "WinnerMaxPool",
    "place_average_pool_neurons",
    "place_max_pools",
    "rules",
]
