"""A folder with migrations to squash."""

from __future__ import annotations

import pytest

from tests.database.migrations.conftest import Folder
from tests.database.migrations.squashing import FILES


@pytest.fixture
def filled(folder: Folder) -> Folder:
    for name, text in FILES.items():
        folder.write(name, text)
    return folder
