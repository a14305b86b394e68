"""Results described once: by their fields come JSON, the check of JSON, columns of tables and the docs."""

from isospike.results.columns import columns_of, row_of
from isospike.results.forms import JsonForm
from isospike.results.hints import json_form_of
from isospike.results.marks import Among, At, Before, IfKnown, IfThere, Inner, Shown, derived
from isospike.results.members import Member, members_of
from isospike.results.result import Result, Stored
from isospike.results.writing import as_json

__all__ = [
    "Among",
    "At",
    "Before",
    "IfKnown",
    "IfThere",
    "Inner",
    "JsonForm",
    "Member",
    "Result",
    "Shown",
    "Stored",
    "as_json",
    "columns_of",
    "derived",
    "json_form_of",
    "members_of",
    "row_of",
]
