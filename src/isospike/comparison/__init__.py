"""Methods at numbers of steps on one network: compared, and the cheapest that holds chosen."""

from isospike.comparison.cell import Cell, Failure
from isospike.comparison.choice import Choice
from isospike.comparison.choosing import auto
from isospike.comparison.comparing import compare
from isospike.comparison.comparison import Comparison

__all__ = ["Cell", "Choice", "Comparison", "Failure", "auto", "compare"]
