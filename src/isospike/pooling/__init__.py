"""Max pooling in spiking networks: one rule per file, chosen by name."""

from isospike.pooling.rule import MaxPoolRule as MaxPoolRule  # isort: skip
from isospike.pooling.rule import rules as rules  # isort: skip
from isospike.pooling.average import place_average_pool_neurons as place_average_pool_neurons
from isospike.pooling.cumulative import CumulativeMaxPool as CumulativeMaxPool
from isospike.pooling.instantaneous import InstantaneousMaxPool as InstantaneousMaxPool
from isospike.pooling.place import place_max_pools as place_max_pools
from isospike.pooling.winner import WinnerMaxPool as WinnerMaxPool
