"""Options: what values a configuration takes, declared once on its fields."""

from isospike.options.configuration import Configuration, check_arguments
from isospike.options.forms import is_number, is_whole
from isospike.options.option import Option, options_of, schema_of
from isospike.options.ranges import (
    MOST_STEPS,
    Count,
    CountOrZero,
    Decay,
    Even,
    NotNegative,
    OneOf,
    Part,
    Percent,
    Positive,
    Range,
    Rising,
    Share,
    Some,
    Steps,
    Text,
)

__all__ = [
    "MOST_STEPS",
    "Configuration",
    "Count",
    "CountOrZero",
    "Decay",
    "Even",
    "NotNegative",
    "OneOf",
    "Option",
    "Part",
    "Percent",
    "Positive",
    "Range",
    "Rising",
    "Share",
    "Some",
    "Steps",
    "Text",
    "check_arguments",
    "is_number",
    "is_whole",
    "options_of",
    "schema_of",
]
