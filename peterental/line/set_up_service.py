"""Set up the line of an agent: choose or create an assistant, choose a number, write both.

Each finished step is recorded, so that a set-up that stopped in the middle resumes. No transaction is open while Vapi
is asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from peterental.access import Viewer, require_admin
from peterental.agents.model import AgentKey, Profile
from peterental.agents.service import agent_change
from peterental.errors import PeteRentalError
from peterental.line import desired
from peterental.line.comparison import rings
from peterental.line.drift import (
    Snapshot,
    account_tools,
    all_agents,
    chosen_ids,
    compare_line,
    name_of,
    number_text,
    version_of,
)
from peterental.line.model import (
    MAX_FIRST_MESSAGE_CHARS,
    MAX_NAME_CHARS,
    AssistantInUse,
    FirstMessageInvalid,
    LineChanged,
    LineCheck,
    LineChoice,
    NameInvalid,
    NumberInUse,
    Remote,
    SetUp,
    SetUpBusy,
    SetUpMissing,
    checked_id,
)

if TYPE_CHECKING:
    from peterental.agents.model import Agent
    from peterental.agents.service import AgentService
    from peterental.audit.service import AuditService
    from peterental.database.pool import Database
    from peterental.line.account_service import AccountService
    from peterental.line.api import VapiApi
    from peterental.line.desired import Target
    from peterental.line.repository import LineRepository

WRITE_TIMEOUT_S = 25.0
"""For all requests of a set-up together."""

UNEXPECTED = "An unexpected error; the log has it."


@dataclass(frozen=True, kw_only=True)
class AssistantOption:
    """An assistant of the account.

    Args:
        agent: whose it is; None for no agent's.
        numbers: that ring it.
    """

    assistant_id: str
    name: str
    agent: Agent | None
    numbers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class NumberOption:
    """A phone number of the account.

    Args:
        number: in E.164, or its address or name.
        rings: what it rings, in words.
        agent: whose assistant it rings.
        version: `updatedAt`.
        is_free: whether it rings nothing.
    """

    phone_number_id: str
    number: str
    provider: str
    rings: str
    agent: Agent | None
    version: str
    is_free: bool


@dataclass(frozen=True, kw_only=True)
class AccountOverview:
    """The assistants and the numbers of the account, by name."""

    assistants: tuple[AssistantOption, ...]
    numbers: tuple[NumberOption, ...]


class SetUpService:
    """The set-ups of one database.

    Args:
        database: where they are stored.
        repository: of lines.
        accounts: opens the account.
        agents: get the ids of their lines.
        audit: records who set a line up.
        target: returns where lines send messages; raises AddressNotPublic, SecretMissing.
        now: returns the current time, aware.
    """

    def __init__(  # noqa: PLR0917  # passed once, in composition.py
        self,
        database: Database,
        repository: LineRepository,
        accounts: AccountService,
        agents: AgentService,
        audit: AuditService,
        target: Callable[[], Target],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._repository = repository
        self._accounts = accounts
        self._agents = agents
        self._audit = audit
        self._target = target
        self._now = now

    def overview(self, viewer: Viewer) -> AccountOverview:
        """Return the account as Vapi has it now, with whose is what. Raises AdminsOnly, AccountMissing, VapiTrouble."""
        require_admin(viewer)
        with self._accounts.open() as api:
            assistants, numbers = api.assistants(), api.numbers()
        owners = {
            agent.vapi_assistant_id.lower(): agent for agent in all_agents(self._agents) if agent.vapi_assistant_id
        }
        return AccountOverview(
            assistants=_assistant_options(assistants, numbers, owners),
            numbers=_number_options(numbers, assistants, owners),
        )

    def choose(self, agent_id: str, choice: LineChoice, viewer: Viewer) -> None:
        """Store what was chosen, in place of an earlier choice. Nothing is written on Vapi.

        Raises AdminsOnly, AgentUnknown, AddressNotPublic, SecretMissing, IdInvalid, NameInvalid, FirstMessageInvalid,
        AssistantInUse, SetUpBusy.
        """
        require_admin(viewer)
        agent = self._agents.get(agent_id, viewer)
        self._target()
        choice = _validated(choice)
        if choice.assistant_id is not None:
            owner = self._agents.find(AgentKey(assistant_id=choice.assistant_id))
            if owner is not None and owner.agent_id != agent.agent_id:
                raise AssistantInUse(agent_name=owner.agent_name)
        with self._database.transaction() as connection:
            if not self._repository.begin(connection, agent_id, choice, viewer.email):
                raise SetUpBusy
        self._repository.delete_check(agent_id)

    def write(self, agent_id: str, viewer: Viewer, *, seen_assistant: str, seen_number: str) -> LineCheck:
        """Write what a comparison showed. Raises as `resume` does.

        Args:
            agent_id: whose line.
            viewer: who writes it; an admin.
            seen_assistant: `updatedAt` of the assistant that was compared.
            seen_number: likewise, of the number.
        """
        require_admin(viewer)
        agent, set_up = self._agents.get(agent_id, viewer), self._repository.set_up(agent_id)
        assistant_id, phone_number_id = chosen_ids(agent, set_up)
        if assistant_id is None:
            raise SetUpMissing
        choice = LineChoice(
            assistant_id=assistant_id,
            phone_number_id=phone_number_id,
            seen_assistant=seen_assistant,
            seen_number=seen_number,
        )
        with self._database.transaction() as connection:
            if not self._repository.begin(connection, agent_id, choice, viewer.email):
                raise SetUpBusy
        return self.resume(agent_id, viewer)

    def resume(self, agent_id: str, viewer: Viewer) -> LineCheck:
        """Do the steps of a set-up that are not done yet, and return the comparison with what Vapi then has.

        Raises AdminsOnly, AgentUnknown, SetUpMissing, SetUpBusy, AccountMissing, AddressNotPublic, SecretMissing,
        LineChanged, MarkersDamaged, NumberInUse, AssistantTaken, PhoneNumberTaken, VapiTrouble. What is done by then
        stays done.
        """
        require_admin(viewer)
        agent, target = self._agents.get(agent_id, viewer), self._target()
        set_up = self._repository.lease(agent_id)
        if set_up is None:
            found = self._repository.set_up(agent_id)
            raise SetUpMissing if found is None or found.is_finished else SetUpBusy
        problem: str | None = UNEXPECTED
        try:
            with self._accounts.open(WRITE_TIMEOUT_S) as api:
                check = self._run(api, agent, set_up, target, viewer)
            problem = None
        except PeteRentalError as error:
            problem = str(error)
            raise
        finally:
            self._repository.release(agent_id, problem)
        self._repository.store_check(check)
        return check

    # --- steps -------------------------------------------------------------------------------------------------------

    def _run(self, api: VapiApi, agent: Agent, set_up: SetUp, target: Target, viewer: Viewer) -> LineCheck:
        assistant, tools = self._assistant(api, agent, set_up, target)
        assistant_id = str(assistant["id"]).lower()
        agent = self._give_ids(agent, set_up, assistant_id, viewer)
        number = self._number(api, agent, set_up, assistant_id)
        with self._database.transaction() as connection:
            self._repository.finish(connection, agent.agent_id)
            ids = {"vapi_assistant_id": assistant_id, "phone_number_id": agent.phone_number_id}
            self._audit.record(connection, viewer, agent_change(agent, "line set up", after=ids))
        snapshot = Snapshot(
            assistants={assistant_id: assistant},
            numbers={str(number["id"]).lower(): number} if number else {},
            tools=tools,
        )
        return compare_line(agent, None, snapshot, target, self._now())

    def _assistant(self, api: VapiApi, agent: Agent, set_up: SetUp, target: Target) -> tuple[Remote, Sequence[Remote]]:
        """Create the assistant, or write the one that was chosen; return it and the account's tools that matter."""
        if set_up.choice.assistant_id is None:
            created = self._create(api, agent, set_up, target)
            self._repository.record_steps(agent.agent_id, ("assistant", "tools"), str(created["id"]).lower())
            return created, ()
        assistant = api.assistant(set_up.choice.assistant_id)
        tools = account_tools(api, assistant)
        if "tools" in set_up.done:
            return assistant, tools
        changes = desired.assistant_changes(assistant, agent, target, tools)
        if changes:
            _require_unchanged("assistant", assistant, set_up.choice.seen_assistant)
            assistant = api.update_assistant(set_up.choice.assistant_id, changes)
        self._repository.record_steps(agent.agent_id, ("assistant", "tools"), set_up.choice.assistant_id)
        return assistant, tools

    def _create(self, api: VapiApi, agent: Agent, set_up: SetUp, target: Target) -> Remote:
        """Create the assistant, unless an earlier attempt that got no answer has done so."""
        if set_up.is_asked:
            key = str(set_up.key)
            found = api.find_assistant(
                lambda each: desired.mapping_in(each.get("metadata")).get(desired.SET_UP_KEY) == key
            )
            if found is not None:
                return found
        self._repository.record_asked(agent.agent_id)
        choice = set_up.choice
        return api.create_assistant(
            desired.new_assistant(agent, target, name=choice.name, first_message=choice.first_message, key=set_up.key)
        )

    def _give_ids(self, agent: Agent, set_up: SetUp, assistant_id: str, viewer: Viewer) -> Agent:
        """Store the ids with the agent, before the number rings: its first call must find the agent."""
        profile = Profile.from_agent(agent)
        number_id = set_up.choice.phone_number_id or profile.phone_number_id
        wanted = replace(profile, vapi_assistant_id=assistant_id, phone_number_id=number_id)
        if wanted != profile:
            agent = self._agents.update(agent.agent_id, wanted, viewer)
        self._repository.record_steps(agent.agent_id, ("agent",), assistant_id)
        return agent

    def _number(self, api: VapiApi, agent: Agent, set_up: SetUp, assistant_id: str) -> Remote | None:
        """Let the number ring the assistant; return it, or None if none was chosen."""
        phone_number_id = set_up.choice.phone_number_id
        if phone_number_id is None:
            ringing = (each for each in api.numbers() if str(each.get("assistantId") or "").lower() == assistant_id)
            number = next(ringing, None)
        else:
            number = api.number(phone_number_id)
            changes = desired.number_changes(number, assistant_id)
            if changes:
                self._require_free(number, agent)
                _require_unchanged("phone number", number, set_up.choice.seen_number)
                number = api.update_number(phone_number_id, changes)
        self._repository.record_steps(agent.agent_id, ("number",), assistant_id)
        return number

    def _require_free(self, number: Remote, agent: Agent) -> None:
        """Raise NumberInUse if a number rings the assistant of another agent."""
        assistant_id = str(number.get("assistantId") or "")
        owner = self._agents.find(AgentKey(assistant_id=assistant_id.lower())) if assistant_id else None
        if owner is not None and owner.agent_id != agent.agent_id:
            raise NumberInUse(agent_name=owner.agent_name)


def _assistant_options(
    assistants: Iterable[Remote], numbers: Iterable[Remote], owners: Mapping[str, Agent]
) -> tuple[AssistantOption, ...]:
    """Return the assistants by name, each with the numbers that ring it and the agent whose it is, by its id."""
    ringing: defaultdict[object, list[str]] = defaultdict(list)
    for number in numbers:
        ringing[number.get("assistantId")].append(number_text(number))
    return tuple(
        AssistantOption(
            assistant_id=each["id"],
            name=name_of(each),
            agent=owners.get(each["id"].lower()),
            numbers=tuple(ringing[each["id"]]),
        )
        for each in sorted(assistants, key=lambda each: name_of(each).casefold())
    )


def _number_options(
    numbers: Iterable[Remote], assistants: Iterable[Remote], owners: Mapping[str, Agent]
) -> tuple[NumberOption, ...]:
    """Return the phone numbers in order, each with what it rings and the agent whose it is."""
    names = {each["id"]: name_of(each) for each in assistants}
    return tuple(
        NumberOption(
            phone_number_id=each["id"],
            number=number_text(each),
            provider=str(each.get("provider") or ""),
            rings=rings(each, names),
            agent=owners.get(str(each.get("assistantId") or "").lower()),
            version=version_of(each),
            is_free=not any(each.get(name) for name in ("assistantId", "squadId", "workflowId")),
        )
        for each in sorted(numbers, key=number_text)
    )


def _require_unchanged(what: str, remote: Remote, seen: str) -> None:
    """Raise LineChanged if something was edited after a person saw it."""
    if seen and version_of(remote) != seen:
        raise LineChanged(what=what)


def _validated(choice: LineChoice) -> LineChoice:
    """Return a choice with its texts stripped. Raises IdInvalid, NameInvalid, FirstMessageInvalid."""
    name, first_message = choice.name.strip(), choice.first_message.strip()
    if choice.assistant_id is None:
        if not 0 < len(name) <= MAX_NAME_CHARS:
            raise NameInvalid(characters=MAX_NAME_CHARS)
        if not 0 < len(first_message) <= MAX_FIRST_MESSAGE_CHARS:
            raise FirstMessageInvalid(characters=MAX_FIRST_MESSAGE_CHARS)
    return replace(
        choice,
        assistant_id=checked_id(choice.assistant_id) if choice.assistant_id is not None else None,
        phone_number_id=checked_id(choice.phone_number_id) if choice.phone_number_id is not None else None,
        name=name,
        first_message=first_message,
    )
