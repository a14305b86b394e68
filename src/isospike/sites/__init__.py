"""Where neurons stand: rectifiers, and signed sites in front of every product."""

from isospike.sites.code_tables import CodeTables as CodeTables
from isospike.sites.code_tables import Tables as Tables
from isospike.sites.code_tables import place_tables as place_tables
from isospike.sites.code_tables import tables_line as tables_line
from isospike.sites.inspecting import Inspection as Inspection
from isospike.sites.inspecting import inspect as inspect
from isospike.sites.offsets import fold_offset as fold_offset
from isospike.sites.offsets import layers_behind as layers_behind
from isospike.sites.offsets import with_offsets as with_offsets
from isospike.sites.place import Placement as Placement
from isospike.sites.place import Sites as Sites
from isospike.sites.place import choose_sites as choose_sites
from isospike.sites.place import place_sites as place_sites
from isospike.sites.place import sites_line as sites_line
from isospike.sites.two_sided import as_islands as as_islands
from isospike.sites.two_sided import two_sided_sites as two_sided_sites
