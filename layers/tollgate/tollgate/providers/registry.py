"""The providers that Tollgate knows, by the name in their routes, senders and keys. One row each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tollgate.domain.errors import NotFound
from tollgate.providers.aws_sms import AWS_SMS
from tollgate.providers.aws_social import AWS_SOCIAL
from tollgate.providers.bird import BIRD
from tollgate.providers.infobip import INFOBIP
from tollgate.providers.meta import META
from tollgate.providers.platform import PLATFORM_EVENTS
from tollgate.providers.plivo import PLIVO
from tollgate.providers.provider import Provider, Webhook
from tollgate.providers.sinch import SINCH
from tollgate.providers.telnyx import TELNYX
from tollgate.providers.twilio import TWILIO
from tollgate.providers.vonage import VONAGE

PROVIDERS: Final[Mapping[str, Provider]] = {
    each.name: each
    for each in (
        META,
        AWS_SMS,
        PLATFORM_EVENTS,
        AWS_SOCIAL,
        PLIVO,
        BIRD,
        TWILIO,
        VONAGE,
        TELNYX,
        INFOBIP,
        SINCH,
    )
}


def provider(name: str) -> Provider:
    """How to read a provider's receipts. Raises NotFound."""
    if name not in PROVIDERS:
        raise NotFound("provider", name)
    return PROVIDERS[name]


def webhook(name: str) -> Webhook:
    """How to answer a provider's requests. Raises NotFound, also for one whose receipts do not come by HTTP."""
    found = provider(name)
    if not isinstance(found, Webhook):
        raise NotFound("webhook", name)
    return found
