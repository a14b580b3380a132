"""What the tests of loading share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.core.config_project import Project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A small configuration without a fault, to be changed."""
    return Project(tmp_path / "project")
