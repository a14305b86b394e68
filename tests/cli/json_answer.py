"""What a command printed with `--json`."""

from __future__ import annotations

import json


def parsed(result) -> dict:
    assert (result.code, result.err) == (0, "")
    return json.loads(result.out)
