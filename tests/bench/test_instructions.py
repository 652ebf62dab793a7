"""The section `instructions`, without valgrind, under which a program takes fifty times as long."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bench.instructions.cachegrind import instructions_in
from bench.load.runs import Load
from bench.phone.stage import Stage
from bench.programs import Command, ProgramFailed, must
from bench.section import Bench
from bench.server import ask, bench_server

pytestmark = pytest.mark.untraced


def test_the_program_books_by_each_call(tmp_path: Path) -> None:
    with bench_server() as server:
        url = Stage(Bench(tmp_path, quick=True), server, Load(tmp_path)).empty_url()
        words = [sys.executable, "-m", "bench.instructions.calls", "set_appointment", "2"]
        must(Command(words, {"DATABASE_URL": url}))
        assert ask(url, "SELECT count(*) FROM appointments") == 2


def test_the_count_is_read_from_the_report() -> None:
    assert instructions_in("==7== \n==7== I   refs:      1,234,567\n") == 1_234_567
    with pytest.raises(ProgramFailed, match="no count"):
        instructions_in("==7== Fatal error at startup")
