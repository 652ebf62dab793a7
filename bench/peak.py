"""Runs a command and writes the most memory it held, in kilobytes, to a file: `peak.py FILE COMMAND …`.

A program of its own, small as it is: a process inherits the peak of the one that started it, and the bench is larger.
"""

import resource
import subprocess
import sys
from pathlib import Path

code = subprocess.run(sys.argv[2:], check=False).returncode
Path(sys.argv[1]).write_text(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss), encoding="ascii")
sys.exit(code)
