"""Compare agents' lines with what Vapi has: daily, and when a person asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from peterental.access import Viewer, require_admin
from peterental.errors import PeteRentalError
from peterental.line.api import JOB_TIMEOUT_S, PAGE_TIMEOUT_S
from peterental.line.comparison import compare_assistant, compare_number, rings
from peterental.line.desired import tool_ids_of
from peterental.line.model import LineCheck, Remote, SetUpMissing, VapiGone

if TYPE_CHECKING:
    from peterental.agents.model import Agent
    from peterental.agents.service import AgentService
    from peterental.line.account_service import AccountService
    from peterental.line.api import VapiApi
    from peterental.line.desired import Target
    from peterental.line.model import LineState, SetUp
    from peterental.line.repository import LineRepository

BACKGROUND = Viewer(user_id=0, email="background job", is_admin=True)


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """An account as Vapi has it at one moment.

    Args:
        assistants, numbers: by id.
        tools: that assistants refer to by id.
    """

    assistants: Mapping[str, Remote]
    numbers: Mapping[str, Remote]
    tools: Sequence[Remote]

    @classmethod
    def read(cls, api: VapiApi) -> Snapshot:
        """Read an account. Raises VapiTrouble."""
        return cls(
            assistants={each["id"].lower(): each for each in api.assistants()},
            numbers={each["id"].lower(): each for each in api.numbers()},
            tools=api.tools(),
        )

    @classmethod
    def of_line(cls, api: VapiApi, assistant_id: str, phone_number_id: str | None) -> Snapshot:
        """Read what one line needs, in a few requests however large the account is. Raises VapiTrouble.

        Args:
            api: of the account.
            assistant_id: of the line, in lower case.
            phone_number_id: likewise; None if it is not known, so that the number has to be looked for.
        """
        assistant = _unless_gone(api.assistant, assistant_id)
        assistants, numbers = [assistant], []
        if phone_number_id:
            number = _unless_gone(api.number, phone_number_id)
            numbers = [number] if number is not None else []
            others = {str(each.get("assistantId") or "") for each in numbers} - {"", assistant_id}
            assistants += [_unless_gone(api.assistant, other) for other in others]
        elif assistant is not None:
            numbers = api.numbers()
        return cls(
            assistants={each["id"].lower(): each for each in assistants if each is not None},
            numbers={each["id"].lower(): each for each in numbers},
            tools=account_tools(api, assistant),
        )

    @property
    def names(self) -> dict[str, str]:
        """The names of the assistants by id."""
        return {remote_id: name_of(each) for remote_id, each in self.assistants.items()}


def _unless_gone(read: Callable[[str], Remote], remote_id: str) -> Remote | None:
    try:
        return read(remote_id)
    except VapiGone:
        return None


def account_tools(api: VapiApi, assistant: Remote | None) -> Sequence[Remote]:
    """Return the tools of the account, if an assistant refers to any; most have all in their model."""
    return api.tools() if assistant is not None and tool_ids_of(assistant) else ()


def compare_line(agent: Agent, set_up: SetUp | None, snapshot: Snapshot, target: Target, now: datetime) -> LineCheck:
    """Compare one agent's line with what Vapi has.

    Args:
        agent: whose line it is.
        set_up: its last set-up; what an unfinished one chose is compared.
        snapshot: what Vapi has.
        target: where lines send messages.
        now: aware.
    """
    assistant_id, phone_number_id = chosen_ids(agent, set_up)
    assistant = snapshot.assistants.get(assistant_id or "")
    if assistant_id is None or assistant is None:
        problem = (
            f"Vapi has no assistant with the id {assistant_id}." if assistant_id else "No assistant is chosen yet."
        )
        return LineCheck(agent_id=agent.agent_id, checked_at=now, problem=problem)
    ringing = (each for each in snapshot.numbers.values() if str(each.get("assistantId") or "").lower() == assistant_id)
    number = snapshot.numbers.get(phone_number_id) if phone_number_id else next(ringing, None)
    differences = compare_assistant(assistant, agent, target, snapshot.tools)
    if number is not None:
        differences += compare_number(number, assistant_id, snapshot.names)
    return LineCheck(
        agent_id=agent.agent_id,
        checked_at=now,
        assistant_name=name_of(assistant),
        assistant_version=version_of(assistant),
        number=number_text(number) if number else None,
        number_version=version_of(number) if number else "",
        differences=differences,
        problem=_problem(assistant_id, phone_number_id, number, snapshot.names),
    )


def _problem(
    assistant_id: str, phone_number_id: str | None, number: Remote | None, names: Mapping[str, str]
) -> str | None:
    """Return why no call reaches the assistant; None if one does."""
    if number is None:
        if phone_number_id:
            return f"Vapi has no phone number with the id {phone_number_id}."
        return "No phone number rings this assistant."
    if str(number.get("assistantId") or "").lower() != assistant_id:
        return f"The number {number_text(number)} rings {rings(number, names)}."
    return None


def chosen_ids(agent: Agent, set_up: SetUp | None) -> tuple[str | None, str | None]:
    """Return the assistant and the number of a line: those of an unfinished set-up, else the agent's."""
    if set_up is not None and not set_up.is_finished:
        return set_up.choice.assistant_id, set_up.choice.phone_number_id or _lower(agent.phone_number_id)
    return _lower(agent.vapi_assistant_id), _lower(agent.phone_number_id)


def name_of(assistant: Remote) -> str:
    """Return the name of an assistant, or its id."""
    return str(assistant.get("name") or assistant["id"])


def number_text(number: Remote) -> str:
    """Return a phone number: in E.164, or its address or name."""
    return str(number.get("number") or number.get("sipUri") or number.get("name") or number["id"])


def version_of(remote: Remote) -> str:
    """Return by what a later edit is noticed."""
    return str(remote.get("updatedAt") or "")


class DriftService:
    """The comparisons of one database.

    Args:
        repository: of lines.
        accounts: opens the account.
        agents: who may see which agent.
        target: returns where lines send messages; raises AddressNotPublic, SecretMissing.
        now: returns the current time, aware.
    """

    def __init__(
        self,
        repository: LineRepository,
        accounts: AccountService,
        agents: AgentService,
        target: Callable[[], Target],
        now: Callable[[], datetime],
    ) -> None:
        self._repository = repository
        self._accounts = accounts
        self._agents = agents
        self._target = target
        self._now = now

    def state(self, agent: Agent) -> LineState:
        """Return what is known of the line of an agent that the viewer may see. One round trip."""
        return self._repository.state(agent.agent_id)

    def checks(self, viewer: Viewer) -> list[tuple[Agent, LineCheck | None]]:
        """Return every agent with the last comparison of its line. Raises AdminsOnly."""
        require_admin(viewer)
        checks = self._repository.checks()
        return [(agent, checks.get(agent.agent_id)) for agent in all_agents(self._agents)]

    def check(self, agent_id: str, viewer: Viewer) -> LineCheck:
        """Compare an agent's line with what Vapi has now.

        Raises AdminsOnly, AgentUnknown, SetUpMissing, AccountMissing, AddressNotPublic, SecretMissing, VapiTrouble.
        """
        require_admin(viewer)
        agent, set_up, target = self._agents.get(agent_id, viewer), self._repository.set_up(agent_id), self._target()
        assistant_id, phone_number_id = chosen_ids(agent, set_up)
        if assistant_id is None:
            raise SetUpMissing
        with self._accounts.open(PAGE_TIMEOUT_S) as api:
            snapshot = Snapshot.of_line(api, assistant_id, phone_number_id)
        check = compare_line(agent, set_up, snapshot, target, self._now())
        self._repository.store_check(check)
        return check

    def check_all(self) -> int:
        """Compare the lines of all agents that have an assistant; return how many differ.

        The reason why it fails is stored with the account. Raises VapiTrouble and the refusals of `check`.
        """
        if not self._accounts.is_connected():
            return 0
        try:
            target = self._target()
            with self._accounts.open(JOB_TIMEOUT_S) as api:
                snapshot = Snapshot.read(api)
        except PeteRentalError as error:
            self._repository.record_problem(str(error))
            raise
        differing = 0
        for agent in all_agents(self._agents):
            set_up = self._repository.set_up(agent.agent_id)
            if chosen_ids(agent, set_up)[0] is not None:
                check = compare_line(agent, set_up, snapshot, target, self._now())
                self._repository.store_check(check)
                differing += check.differs
        self._repository.record_problem(None)
        return differing


def all_agents(agents: AgentService) -> Iterator[Agent]:
    """Yield every agent, the active ones first."""
    page, has_more = 1, True
    while has_more:
        found = agents.listing(BACKGROUND, page=page)
        yield from found.agents
        page, has_more = page + 1, found.has_more


def _lower(remote_id: str | None) -> str | None:
    return remote_id.lower() if remote_id else None
