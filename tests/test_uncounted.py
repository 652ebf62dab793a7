"""What an uncounted test forks neither counts coverage nor saves what was counted before."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.gunicorn import PROJECT_DIR, UNCOUNTED

# In a process of its own: in this one it would lose what was really counted.
PROGRAM = """
import os, sys
from pathlib import Path

from coverage import Coverage

from tests.conftest import uncounted
from tests.together import fork

folder = Path(sys.argv[1])


class Counting(Coverage):
    def save(self) -> None:
        (folder / "counted").touch()


counting = Counting(data_file=None)
Coverage._instances = [counting]
with uncounted():
    child = fork()
    if child == 0:
        counting.save()
        os._exit(int(Coverage.current() is not None))
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), list(folder.iterdir()))
print(Coverage.current() is counting)
counting.save()
print([path.name for path in folder.iterdir()])
"""


def test_forks_are_uncounted(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name not in UNCOUNTED}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path], cwd=PROJECT_DIR, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["0 []", "True", "['counted']"]
