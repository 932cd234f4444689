"""Indicators of compromise: their kinds, one typed value, and extraction from text."""

from cf1_mcp.indicators.classification import classify
from cf1_mcp.indicators.collector import ExtractedIndicator, Extraction
from cf1_mcp.indicators.extraction import extract
from cf1_mcp.indicators.hosts import registered_domain
from cf1_mcp.indicators.kinds import KINDS, Indicator, Kind
from cf1_mcp.indicators.urls import url_host

__all__ = [
    "KINDS",
    "ExtractedIndicator",
    "Extraction",
    "Indicator",
    "Kind",
    "classify",
    "extract",
    "registered_domain",
    "url_host",
]
