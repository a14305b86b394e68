"""One table of ops: what every op is, and which stage does what with its family."""

from isospike.ops import family as family
from isospike.ops import records as records
from isospike.ops.family import Family as Family
from isospike.ops.record import OpRecord as OpRecord
from isospike.ops.registry import register_op as register_op
from isospike.ops.registry import table as table
from isospike.ops.role import Role as Role
from isospike.ops.rules import Call as Call
from isospike.ops.stage import Stage as Stage
from isospike.ops.stage import stages as stages
