"""Forms that connect the Vapi account, and choose the assistant and the number of a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wtforms import PasswordField, SelectField, StringField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired

from peterental.line.model import MAX_FIRST_MESSAGE_CHARS, MAX_KEY_CHARS, MAX_NAME_CHARS, LineChoice
from peterental.phone_numbers import readable
from peterental.web.shell.forms import PageForm, up_to

if TYPE_CHECKING:
    from peterental.agents.model import Agent
    from peterental.line.set_up_service import AccountOverview

GREETINGS = {
    "en": "Hello, this is the automated assistant of {agent} at {office}. How can I help you?",
    "es": "Hola, soy el asistente automático de {agent} en {office}. ¿En qué puedo ayudarle?",
}
"""The greeting of a new assistant by the agent's language."""

MAX_OPTION_CHARS = 60
MAX_OPTIONS = 200
"""Of an account that has thousands, so many can be chosen."""


class KeyForm(PageForm):
    """The private key of the account."""

    key = PasswordField(
        "Private key",
        description="On Vapi: Organization settings, API keys, Private key. It is stored encrypted, not shown again.",
        validators=[InputRequired("Enter the private key."), up_to(MAX_KEY_CHARS)],
        render_kw={"autocomplete": "off"},
    )


class ChooseForm(PageForm):
    """The assistant and the number of a line. The service checks the ids."""

    assistant = SelectField("Assistant", default="", validate_choice=False, coerce=str)
    name = StringField(
        "Name of a new assistant",
        description="On Vapi’s pages; callers do not hear it.",  # noqa: RUF001  # an apostrophe
        validators=[up_to(MAX_NAME_CHARS)],
        render_kw={"autocomplete": "off"},
    )
    first_message = TextAreaField(
        "Greeting of a new assistant",
        description="The first words that callers hear.",
        validators=[up_to(MAX_FIRST_MESSAGE_CHARS)],
        render_kw={"rows": "3"},
    )
    number = SelectField("Phone number", default="", validate_choice=False, coerce=str)

    def offer(self, overview: AccountOverview | None, agent: Agent) -> None:
        """Set the assistants and numbers to choose from; without an account there are none.

        The assistants and numbers of other agents are left out. Of many, the agent's own come first, and of the numbers
        those that are free.
        """

        def is_possible(owner: Agent | None) -> bool:
            return owner is None or owner.agent_id == agent.agent_id

        assistants = [each for each in (overview.assistants if overview else ()) if is_possible(each.agent)]
        assistants.sort(key=lambda each: (each.agent is None, each.assistant_id != agent.vapi_assistant_id))
        self.assistant.choices = [
            SelectChoice("", "Create a new one"),
            *(SelectChoice(each.assistant_id, each.name[:MAX_OPTION_CHARS]) for each in assistants[:MAX_OPTIONS]),
        ]
        numbers = [each for each in (overview.numbers if overview else ()) if is_possible(each.agent)]
        numbers.sort(key=lambda each: (each.agent is None, not each.is_free))
        self.number.choices = [SelectChoice("", "No number for now")]
        for number in numbers[:MAX_OPTIONS]:
            name = readable(number.number)
            label = name if number.is_free else f"{name}, rings {number.rings[:MAX_OPTION_CHARS]}"
            self.number.choices.append(SelectChoice(f"{number.phone_number_id} {number.version}", label))
        for field, found in ((self.assistant, assistants), (self.number, numbers)):
            if len(found) > MAX_OPTIONS:
                field.description = (
                    f"{MAX_OPTIONS} of {len(found):,}. Enter the id of another one in the agent’s profile."  # noqa: RUF001  # an apostrophe
                )

    def suggest(self, overview: AccountOverview, agent: Agent, office: str) -> None:
        """Fill in what suits most: the present assistant or a new one, the present number or the first free one."""
        ids = {each.assistant_id for each in overview.assistants}
        self.assistant.data = agent.vapi_assistant_id if agent.vapi_assistant_id in ids else ""
        self.name.data = agent.agent_name[:MAX_NAME_CHARS]
        self.first_message.data = GREETINGS[agent.language].format(agent=agent.agent_name, office=office)
        present = [each for each in overview.numbers if each.phone_number_id == agent.phone_number_id]
        free = [each for each in overview.numbers if each.is_free]
        chosen = next(iter(present or free), None)
        self.number.data = f"{chosen.phone_number_id} {chosen.version}" if chosen else ""

    @property
    def choice(self) -> LineChoice:
        """What was chosen."""
        number_id, _, version = (self.number.data or "").partition(" ")
        return LineChoice(
            assistant_id=self.assistant.data or None,
            name=self.name.data or "",
            first_message=self.first_message.data or "",
            phone_number_id=number_id or None,
            seen_number=version,
        )
