"""The channels that notices can be sent through: recorded by the worker of background jobs, read by everything else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peterental.notices.model import ChannelState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from peterental.notices.model import Channel, Transport
    from peterental.notices.settings_repository import NoticeSettingsRepository


class Channels:
    """The channels of one installation.

    Args:
        repository: where they are stored.
    """

    def __init__(self, repository: NoticeSettingsRepository) -> None:
        self._repository = repository

    def record(self, transports: Mapping[Channel, Transport]) -> None:
        """Store what the worker can send through. Notices of other channels are not written any more."""
        states = {
            channel: ChannelState(sender=transport.sender, is_real=transport.is_real)
            for channel, transport in transports.items()
        }
        self._repository.record_channels(states)

    def ready(self) -> Mapping[Channel, ChannelState]:
        """Return the channels that notices are written for. One round trip."""
        return self._repository.channels()
