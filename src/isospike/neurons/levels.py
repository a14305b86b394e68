"""Numbers of levels: one for all sites, or one for each."""

from __future__ import annotations

from isospike.errors import OptionError


def several(levels: int | tuple[int, ...]) -> tuple[int, ...]:
    """The numbers, one or more."""
    return levels if isinstance(levels, tuple) else (levels,)


def at_site(levels: int | tuple[int, ...], index: int, sites: int) -> int:
    """The number of one of the sites, in order of execution.

    Raises:
        OptionError: there are not as many numbers as sites.
    """
    if not isinstance(levels, tuple):
        return levels
    if len(levels) != sites:
        raise OptionError(
            f"{len(levels)} numbers of levels or bits for a network of {sites} sites; give one for all, or one for "
            "each site in the order that isospike inspect lists them"
        )
    return levels[index]
