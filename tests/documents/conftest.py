"""Writes the generated tables of the documents on request."""

import pytest

from tests.documents.tables import write_tables


@pytest.fixture(scope="session", autouse=True)
def written_tables(request: pytest.FixtureRequest) -> None:
    """With --write-tables, bring the tables up to date before they are tested."""
    if request.config.getoption("--write-tables"):
        write_tables()
