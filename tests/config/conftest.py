"""Fixtures of the configuration tests."""

from pathlib import Path

import pytest

from tests.config.site_on_disk import SiteOnDisk


@pytest.fixture
def disk(tmp_path: Path) -> SiteOnDisk:
    """A sound site in a temporary folder."""
    return SiteOnDisk(tmp_path)
