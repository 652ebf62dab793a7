"""Build the composers of every kind of notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from peterental.notices.agent_choices.morning_list import MorningLists
from peterental.notices.agent_letters import AgentLetters
from peterental.notices.letters import ViewingLetters
from peterental.notices.replies.letters import ReplyLetters
from peterental.notices.user_letters import UserLetters
from peterental.notices.viewing_repository import ViewingRepository
from peterental.notices.waitlist.letters import OfferLetters
from peterental.notices.webhook_letters import WebhookLetters
from peterental.users.repository import UserRepository

if TYPE_CHECKING:
    from datetime import datetime

    from peterental.config import Config
    from peterental.database.connect import Connection
    from peterental.database.pool import Database
    from peterental.notices.consents.service import Consents
    from peterental.notices.model import Composer, NoticeSettings
    from peterental.notices.webhook_letters import TurnedOff
    from peterental.notices.wording.service import WordingService


@dataclass(frozen=True, kw_only=True)
class ComposerFactory:
    """Builds composers from what they share.

    Args:
        database: what the letters are about.
        config: the addresses and the key of links.
        wordings: the wordings of the office.
        consents: who said stop.
        settings: returns the settings of the office.
        namespace: returns the namespace of this installation.
        visitor_link: returns the address of a visitor's page of a viewing, for one recipient.
        offer_link: returns the address of the page of an entry of the waitlist.
        turned_off: returns a webhook that PeteRental turned off, see `WebhookLetters`.
        now: returns the present moment, aware.
    """

    database: Database
    config: Config
    wordings: WordingService
    consents: Consents
    settings: Callable[[], NoticeSettings]
    namespace: Callable[[], str]
    visitor_link: Callable[[int, str], str]
    offer_link: Callable[[int], str]
    turned_off: Callable[[int, Connection | None], TurnedOff | None]
    now: Callable[[], datetime]

    def build(self) -> tuple[Composer, ...]:
        """Return a composer for every kind of notice, apart from test notices."""
        return (
            self._viewing_letters(),
            self._agent_letters(),
            OfferLetters(self.database, self.wordings, settings=self.settings, link=self.offer_link, now=self.now),
            self._user_letters(),
            self._webhook_letters(),
            ReplyLetters(self.consents),
        )

    def _viewing_letters(self) -> ViewingLetters:
        return ViewingLetters(
            ViewingRepository(self.database),
            self.wordings,
            settings=self.settings,
            namespace=self.namespace,
            visitor_link=self.visitor_link if self.config.link_address else lambda *_: None,
            public_url=self.config.link_address,
            now=self.now,
        )

    def _agent_letters(self) -> AgentLetters:
        return AgentLetters(
            self.database,
            self.wordings,
            MorningLists(self.database),
            settings=self.settings,
            namespace=self.namespace,
            public_url=self.config.public_url,
            now=self.now,
        )

    def _user_letters(self) -> UserLetters:
        return UserLetters(
            UserRepository(self.database),
            key=self.config.session_key,
            address=self.config.address,
            office_name=self._office_name,
            namespace=self.namespace,
            now=self.now,
        )

    def _webhook_letters(self) -> WebhookLetters:
        return WebhookLetters(
            self.database,
            turned_off=self.turned_off,
            address=self.config.address,
            office_name=self._office_name,
            namespace=self.namespace,
        )

    def _office_name(self) -> str:
        return self.settings().office_name
