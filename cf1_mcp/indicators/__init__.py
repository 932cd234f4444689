"""Indicators of compromise: their kinds, their canonical form, and extraction from text."""

from cf1_mcp.indicators.canonical import ReadIndicator, read_indicator, read_indicators
from cf1_mcp.indicators.classification import classify
from cf1_mcp.indicators.collector import ExtractedIndicator, Extraction
from cf1_mcp.indicators.extraction import extract
from cf1_mcp.indicators.hosts import registered_domain
from cf1_mcp.indicators.kinds import KINDS, Indicator, Kind
from cf1_mcp.indicators.spellings import other_spellings
from cf1_mcp.indicators.type_names import find_types, fold_type, type_meaning, type_of_kind
from cf1_mcp.indicators.urls import url_host

__all__ = [
    "KINDS",
    "ExtractedIndicator",
    "Extraction",
    "Indicator",
    "Kind",
    "ReadIndicator",
    "classify",
    "extract",
    "find_types",
    "fold_type",
    "other_spellings",
    "read_indicator",
    "read_indicators",
    "registered_domain",
    "type_meaning",
    "type_of_kind",
    "url_host",
]
