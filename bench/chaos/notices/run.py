"""Run the lab of notices, and print what was found."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

from bench.chaos.notices.check import NoticeCheck
from bench.chaos.notices.lab import FAULT_PAUSE_S, SETTLE_WITHIN_S, NoticeLab
from bench.chaos.postgres import LabPostgres

NEEDED = ("texts", "mails", "reminders", "suppressed", "failed", "unknown for a while", "stops", "changes", "reports")


def run(seed: int, rounds: int, choose: Callable[[str], bool], without: str = "") -> list[str]:
    """Let everything go wrong, then check every letter; return the violations.

    Args:
        seed: of everything that is chosen.
        rounds: how often each fault is injected.
        choose: returns whether a fault is injected, by its name.
        without: the mechanism that is switched off; empty for none.
    """
    with LabPostgres() as postgres, NoticeLab(postgres, seed, without) as lab:
        chosen = {name: fault for name, fault in lab.faults.items() if choose(name)}
        schedule = [name for name in chosen for _ in range(rounds)]
        random.Random(f"{seed} notices").shuffle(schedule)  # noqa: S311  # repeatable, not secret
        began_s = time.monotonic()
        lab.begin()
        try:
            for name in schedule:
                time.sleep(FAULT_PAUSE_S)
                injected_s = time.monotonic()
                chosen[name]()
                print(f"{injected_s - began_s:6.1f} s  {name} ({time.monotonic() - injected_s:.1f} s)", flush=True)
            lab.until_all_is_dealt()
        finally:
            lab.rest()
        acted_s = time.monotonic() - began_s
        is_settled = lab.settle()
        settled_s = time.monotonic() - began_s - acted_s
        with postgres.connect() as connection:
            check = lab.check(connection)
            violations = check.violations()
        if not is_settled:
            violations.append(f"notices are still open {SETTLE_WITHIN_S:.0f} s after the last fault")
        violations += [f"no {what!r} at all: the run proves nothing" for what in lab.missing]
        violations += [f"no {what} at all: the run proves nothing" for what in NEEDED if not check.figures[what]]
        _report(lab, check, acted_s, settled_s)
    for sentence in violations:
        print(f"❌ {sentence}")
    if not violations:
        print("✅ Nobody was told twice, nobody what was not true, nobody texted after a stop; no notice was lost.")
    return violations


def _report(lab: NoticeLab, check: NoticeCheck, acted_s: float, settled_s: float) -> None:
    """Print the figures."""
    figures = check.figures
    mishaps = {what: deck.dealt.total() for what, deck in lab.decks.items()}
    states = Counter({state: figures[state] for state in ("sent", "delivered", "failed", "unknown", "suppressed")})
    print(
        f"\nNotices: {figures['changes'] // 2} changes of viewings in {acted_s:.0f} s, {figures['reminders']}"
        f" reminders: {figures['notices']} notices, {figures['hand-overs']} hand-overs, {figures['texts']} texts and"
        f" {figures['mails']} e-mails taken; {figures['stops']} stops; settled {settled_s:.0f} s after the last fault\n"
        f"{mishaps['mail']} conversations with the mail server, {mishaps['posts']} POSTs, {mishaps['lists']} look-ups"
        f" and the reports on {mishaps['reports']} texts went wrong, in"
        f" {sum(len(deck.names) for deck in lab.decks.values())} ways; {lab.kills} workers were killed\n"
        f"{', '.join(f'{count} {state}' for state, count in states.items())};"
        f" {figures['unknown for a while']} were unknown for a while",
        flush=True,
    )
    if figures["taken too late for the lab"]:
        print(
            f"{figures['taken too late for the lab']} texts were taken too late to be looked up: a slow machine",
            flush=True,
        )
