"""Where neurons stand: rectifiers, and signed sites in front of every product."""

from isospike.sites.place import Placement, Sites, choose_sites, place_sites

__all__ = ["Placement", "Sites", "choose_sites", "place_sites"]
