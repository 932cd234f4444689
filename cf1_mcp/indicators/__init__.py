"""Indicators of compromise: what one is, and how they are found in a text."""

from cf1_mcp.indicators.classification import classify
from cf1_mcp.indicators.extraction import extract
from cf1_mcp.indicators.findings import Extraction, Found
from cf1_mcp.indicators.hosts import registered_domain
from cf1_mcp.indicators.kinds import KINDS, Indicator, Kind
from cf1_mcp.indicators.urls import host_of

__all__ = ["KINDS", "Extraction", "Found", "Indicator", "Kind", "classify", "extract", "host_of", "registered_domain"]
