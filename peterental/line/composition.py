"""Build the services of lines. They use the webhook's code, and so stand above it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from peterental.clock import utc_now
from peterental.encryption import Keyring
from peterental.line.account_service import AccountService
from peterental.line.desired import Target
from peterental.line.drift import DriftService
from peterental.line.model import AddressNotPublic, SecretMissing
from peterental.line.reconciliation import ReconciliationService
from peterental.line.repository import LineRepository
from peterental.line.set_up_service import SetUpService

if TYPE_CHECKING:
    from peterental.config import Application, Config
    from peterental.database.pool import Database
    from peterental.services import Services

EXTENSION = "peterental.line"
WEBHOOK_PATH = "/vapi/webhook"


@dataclass(frozen=True)
class LineServices:
    """The services of lines."""

    account: AccountService
    drift: DriftService
    reconciliation: ReconciliationService
    set_ups: SetUpService


def build_line(
    database: Database, services: Services, config: Config, clock: Callable[[], datetime] = utc_now
) -> LineServices:
    """Build the services of lines.

    Args:
        database: used by all of them.
        services: of the application.
        config: the settings.
        clock: returns the current time, aware.
    """
    repository = LineRepository(database)
    account = AccountService(database, repository, Keyring(config.encryption_keys), services.audit, config)

    def target() -> Target:
        return target_of(config)

    return LineServices(
        account=account,
        drift=DriftService(repository, account, services.agents, target, clock),
        reconciliation=ReconciliationService(repository, account, services, clock),
        set_ups=SetUpService(database, repository, account, services.agents, services.audit, target, clock),
    )


def target_of(config: Config) -> Target:
    """Return where lines send messages. Raises AddressNotPublic, SecretMissing."""
    if config.public_url is None or not config.public_url.startswith("https://"):
        raise AddressNotPublic(address=config.address)
    if config.vapi_webhook_secret is None:
        raise SecretMissing
    return Target(webhook_url(config), config.vapi_webhook_secret)


def webhook_url(config: Config) -> str:
    """Return the address of the webhook."""
    return f"{config.address}{WEBHOOK_PATH}"


def line_services_of(app: Application) -> LineServices:
    """Return the services of lines of an application."""
    services = app.extensions[EXTENSION]
    assert isinstance(services, LineServices)  # noqa: S101  # tells mypy; install.py put it there
    return services
