"""One table of ops: what every op is, and which stage does what with its family."""

from isospike.ops import family, records
from isospike.ops.family import Family
from isospike.ops.record import OpRecord
from isospike.ops.registry import register_op, table
from isospike.ops.role import Role
from isospike.ops.rules import Call
from isospike.ops.stage import Stage, stages

__all__ = ["Call", "Family", "OpRecord", "Role", "Stage", "family", "records", "register_op", "stages", "table"]
