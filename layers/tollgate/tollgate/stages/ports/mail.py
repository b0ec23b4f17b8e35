"""Ports: the way mails leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A rendered mail. ``reference`` is the tenant and notice it belongs to, echoed in what comes back."""

    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    reference: Mapping[str, str]


class Mailer(Protocol):
    """The way mails leave."""

    def send(self, mail: Mail) -> str:
        """Hand a mail over; returns the mail service's message id. Raises Refused for one that can never be sent."""
        ...
