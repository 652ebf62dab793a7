"""Run a command and write its peak memory in kilobytes to a file: `peak.py FILE COMMAND …`.

A separate program, because a process inherits the peak of its parent, and the benchmark process is larger.
"""

import resource
import subprocess
import sys
from pathlib import Path

code = subprocess.run(sys.argv[2:], check=False).returncode
Path(sys.argv[1]).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss), encoding="ascii")
sys.exit(code)
