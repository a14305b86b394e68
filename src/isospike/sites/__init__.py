"""Where neurons stand: rectifiers, and signed sites in front of every product."""

from isospike.sites.place import Placement, Sites, choose_sites, place_sites
from isospike.sites.two_sided import as_islands, two_sided_sites

__all__ = ["Placement", "Sites", "as_islands", "choose_sites", "place_sites", "two_sided_sites"]
