"""Reports: a comparison as one HTML page, as figures for a paper, and as tables."""

from isospike.report.costs import costs_of_account
from isospike.report.figures import check_figures, write_figures
from isospike.report.page import check_page, write_report
from isospike.report.raster import Raster, record_raster
from isospike.report.reading import read

__all__ = [
    "Raster",
    "check_figures",
    "check_page",
    "costs_of_account",
    "read",
    "record_raster",
    "write_figures",
    "write_report",
]
