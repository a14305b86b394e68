"""Diagnosis: where a spiking network loses against its model, site by site, why, and what to try."""

from isospike.diagnosis.diagnosing import diagnose
from isospike.diagnosis.diagnosis import Diagnosis, Fault, WorstSite
from isospike.diagnosis.site import SiteDiagnosis

__all__ = ["Diagnosis", "Fault", "SiteDiagnosis", "WorstSite", "diagnose"]
