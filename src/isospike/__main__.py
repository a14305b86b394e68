"""``python -m isospike``: the command line, e.g. under ``torchrun``."""

from __future__ import annotations

from isospike.cli.main import main

if __name__ == "__main__":
    main()
