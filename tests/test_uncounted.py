"""What an uncounted test forks neither counts coverage nor saves what was counted before."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from coverage import Coverage

from tests.conftest import uncounted
from tests.together import fork


class Counting(Coverage):
    """Writes an empty file where others save what they counted."""

    def save(self) -> None:
        Path(str(self.get_option("run:data_file"))).touch()


def test_forks_are_uncounted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    counting = Counting(data_file=str(tmp_path / "counted"))
    monkeypatch.setattr(Coverage, "_instances", [counting])
    with uncounted():
        child = fork()
        if child == 0:
            counting.save()
            os._exit(int(Coverage.current() is not None))
        _, status = os.waitpid(child, 0)
    assert status == 0
    assert list(tmp_path.iterdir()) == []
    assert Coverage.current() is counting
    counting.save()
    assert [path.name for path in tmp_path.iterdir()] == ["counted"]
