"""Fixtures of the sample's tests."""

import pytest

from cf1_mcp.sandbox.sample import sample_records
from tests.sandbox.sample.sample_rows import NOW, Row


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return [Row.model_validate(record) for record in sample_records(NOW)]
