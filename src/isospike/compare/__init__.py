"""Methods at numbers of steps on one network: compared, and the cheapest that holds chosen."""

from isospike.compare.auto import auto
from isospike.compare.cell import Cell, Failure
from isospike.compare.choice import Choice
from isospike.compare.compare import compare
from isospike.compare.comparison import Comparison

__all__ = ["Cell", "Choice", "Comparison", "Failure", "auto", "compare"]
