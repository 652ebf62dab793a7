"""`make attack`: attack a server while its phone calls are measured.

Exits with 1 if a requirement was not met.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.attack.attacker import Attacker
from bench.attack.attacks import ATTACKS, Attack
from bench.attack.browser import Browser
from bench.attack.line import Calls, PhoneLine
from bench.attack.target import Target, complaints_of, running_target
from bench.attack.verdict import Result, table
from bench.chaos.callers import half_hours
from bench.chaos.consistency import ConsistencyCheck
from bench.chaos.lab_agents import DAYS, ZONE
from bench.machine import description
from bench.pages.office import EMAIL, PASSWORD

CALM_S = 5.0
MIN_S = 1.5
"""The shortest measurement; an attack that ends earlier is followed by calm calls."""

MAX_ATTACK_S = 60.0
MAX_RUN_S = 240.0
"""No attack starts later than this after the first."""

RECOVERY_S = 15.0
_SAMPLE_S = 0.05


def main() -> None:
    """Run the attacks that the command line selects."""
    parser = argparse.ArgumentParser(prog="python -m bench.attack", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="seed of the random bytes")
    parser.add_argument("--seconds", type=float, default=4.0, help="how long a slow attack is kept up")
    parser.add_argument("--only", default="", help="only the attacks whose name contains this, such as slow")
    arguments = parser.parse_args()
    chosen = [attack for attack in ATTACKS if arguments.only in attack.name]
    print(f"Attacks, seed {arguments.seed}. {description()}\n", flush=True)
    with TemporaryDirectory(prefix="peterental-attack-") as folder, running_target(Path(folder)) as target:
        is_sound = asyncio.run(Siege(target, arguments.seed, arguments.seconds).run(chosen))
    sys.exit(0 if is_sound else 1)


class Siege:
    """All attacks on one server, one after the other.

    Args:
        target: the server.
        seed: of the random bytes.
        seconds: how long a slow attack is kept up.
    """

    def __init__(self, target: Target, seed: int, seconds: float) -> None:
        self._target = target
        self._seed = seed
        self._seconds = seconds
        slots = half_hours(datetime.now(ZONE) + timedelta(days=1), DAYS - 2)
        self._line = PhoneLine(target.port, target.secret, target.assistants, slots)
        self._browser = Browser(target.port)

    async def run(self, attacks: list[Attack]) -> bool:
        """Run the attacks, print the report, and return whether every requirement was met."""
        await self._browser.sign_in(EMAIL["admin"], PASSWORD)
        await self._line.during(asyncio.sleep(1))  # fills caches and pools
        calm = await self._line.during(asyncio.sleep(CALM_S))
        began_s, results = time.monotonic(), []
        for attack in attacks:
            if time.monotonic() - began_s > MAX_RUN_S:
                results.append(Result(attack, Calls(), "not run", complaints=[f"{MAX_RUN_S:.0f} s were over"]))
                continue
            print(f"{time.monotonic() - began_s:6.1f} s  {attack.name}", flush=True)
            results.append(await self._one(attack))
        self._browser.close()
        violations = self._violations()
        print(f"\n{table(results, calm)}\n")
        print(f"Load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.")
        for sentence in violations:
            print(f"❌ {sentence}")
        is_sound = not violations and all(result.holds(calm) == "yes" for result in results)
        if is_sound:
            print(
                "✅ Every call was answered, in time where a limit is set; every confirmation is in the database once."
            )
        print(f"   {datetime.now(UTC):%Y-%m-%d}", flush=True)
        return is_sound

    async def _one(self, attack: Attack) -> Result:
        chance = random.Random(f"{self._seed} {attack.name}")  # noqa: S311  # repeatable, not secret
        attacker = Attacker(self._target.port, self._target.secret, self._browser, chance)
        log_before, before = self._target.log_size(), self._target.memory_mb()
        growth_mb = 0.0

        async def work() -> None:
            nonlocal growth_mb
            async with asyncio.TaskGroup() as group:
                running = group.create_task(self._keep_up(attack, attacker))
                while not running.done():
                    for pid, size_mb in self._target.memory_mb().items():
                        growth_mb = max(growth_mb, size_mb - before.get(pid, size_mb))
                    await asyncio.sleep(_SAMPLE_S)

        calls = await self._line.during(work())
        complaints = attacker.complaints + await self._recovery()
        complaints += complaints_of(self._target.log_since(log_before))
        complaints += [f"worker {pid} has ended" for pid in before.keys() - self._target.memory_mb().keys()]
        return Result(attack, calls, _details(attacker), growth_mb, complaints)

    async def _keep_up(self, attack: Attack, attacker: Attacker) -> None:
        """Run an attack to its end, or until its time is over."""
        began_s = time.monotonic()
        limit_s = MAX_ATTACK_S if attack.hold is None else attack.hold * self._seconds
        try:
            async with asyncio.timeout(limit_s):
                await attack.run(attacker)
        except TimeoutError:
            if attack.hold is None:
                attacker.complaints.append(f"it had not ended after {limit_s:.0f} s")
        except OSError as error:
            attacker.complaints.append(f"a request got no answer: {error!r}")
        await asyncio.sleep(max(0.0, MIN_S - (time.monotonic() - began_s)))

    async def _recovery(self) -> list[str]:
        """Wait until calls are answered again. Return a sentence if they never are."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RECOVERY_S):
                while not await self._line.call(Calls()):
                    pass
                return []
        return [f"calls were not answered {RECOVERY_S:.0f} s after its end"]

    def _violations(self) -> list[str]:
        with self._target.postgres.connect() as connection:
            check = ConsistencyCheck(connection, ZONE)
            return check.violations(self._line.heard, self._line.tally, shipped=0)


def _details(attacker: Attacker) -> str:
    """Describe what was sent, with counts."""
    statuses = ", ".join(f"{count} x {status or 'none'}" for status, count in sorted(attacker.statuses.items()))
    parts = [f"{attacker.opened} connections", f"answers {statuses}" if statuses else "", attacker.remark]
    return "; ".join(part for part in parts if part)


if __name__ == "__main__":
    main()
