"""What of a receipt may be shown to people: everything is hidden, but for fields whose meaning is known to be harmless.

A field is named as a provider names it, in whatever spelling (``MessageStatus``, ``message_status``), where it needs to
be told from another with its parent (``status.name``). Always true: a value is shown only when its field is in one of
the tables and the value has the shape that the table stands for; an id is shown only where it is one that the page
names already. So a field that a provider adds is hidden until somebody looks at it, and what a customer writes (a
text, a tag, metadata, whatever it is called) is hidden whole.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from decimal import Decimal
from typing import Any, Final

HIDDEN: Final = "•••"
MOST_DEPTH: Final = 40
"""Deeper than any provider nests; what is below is hidden."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


FREE: Final = _names(
    "metadata context tags callbackdata messagemetadata clientreference clientref bizopaquecallbackdata custom"
    " userdata contacts contact profile text body media"
)
"""Objects and lists whose fields a customer or a person chooses."""

WORDS: Final = _names(
    "type eventtype eventname event messagestatus smsstatus status status.name status.groupname error.name"
    " error.groupname channel channelprefix direction messagedirection messagestate messagetype category subtype"
    " pricingmodel origin.type currency currencycode priceunit isocountrycode countrycode country encoding"
    " messageencoding object field recipienttype messagingproduct recordtype linetype processingmode trigger"
    " reasoncode errorcode errors.title"
)
"""Codes of a provider: a word or a few, without anything in it that could be a number of somebody."""

NUMBERS: Final = _names(
    "code status.id status.groupid error.id error.groupid groupid mcc mnc mccmnc networkcode operator errorcode"
    " parts segments.count segments numsegments numberofsegments totalmessageparts messagecount numberofmessageparts"
    " counttotal units count totalmessagecount messages quantity seconds characters sequence itemnumber itemstotal"
    " nummedia price totalmessageprice totalcarrierfee carrierfee amount cost pricepermessage totalrate totalamount"
    " transactionamount passthroughamount specversion eventversion attempt"
)
"""Counts, amounts and codes: up to six digits before the point."""

TIMES: Final = _names(
    "timestamp time at eventtimestamp messagerequesttimestamp messagetimestamp occurredat receivedat sentat doneat"
    " seenat completedat validuntil operatorstatusat acceptedtime eventtime queuedtime senttime deliveryreporttime"
    " messagetime datesent dateupdated datecreated start end expirationtimestamp"
)

IDS: Final = _names(
    "id messageid messagesid smssid sid messageuuid parentmessageuuid message smsid whatsappid batchid accountsid"
    " account accountid wabaid phonenumberid metaphonenumberid messagingprofileid messagingservicesid organizationid"
    " workspaceid appid subject source entityid"
)

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.:$-]{0,63}", re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.,:/+&()-]{0,119}", re.ASCII)
_NUMBERISH: Final = re.compile(r"\d(?:[\s().+/_-]*\d){4,}", re.ASCII)
"""Five digits and more, however they are grouped: a number of somebody, or a code that was sent to them."""
_AMOUNT: Final = re.compile(r"[+-]?\d{1,6}(\.\d{1,20})?", re.ASCII)
_TIME: Final = re.compile(
    r"20\d\d-\d\d-\d\d([T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?)?"
    r"|[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d ([+-]\d{4}|GMT)"
    r"|1\d{9}(\d{3})?",
    re.ASCII,
)


def masked(value: object, *, known: Collection[str], field: str = "", parent: str = "", depth: int = 0) -> Any:
    """A JSON value as it may be shown. ``known``: the ids that the page names already."""
    if depth > MOST_DEPTH:
        return HIDDEN
    match value:
        case dict():
            if field in FREE:
                return HIDDEN
            return {
                _field(name): masked(child, known=known, field=_plain(name), parent=field, depth=depth + 1)
                for name, child in value.items()
            }
        case list():
            if field in FREE:
                return HIDDEN
            return [masked(child, known=known, field=field, parent=parent, depth=depth + 1) for child in value]
        case None | bool():
            return value
    return value if _may_be_shown(value, {field, f"{parent}.{field}"}, known) else HIDDEN


def _may_be_shown(value: object, names: Collection[str], known: Collection[str]) -> bool:
    said = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return (
        (not WORDS.isdisjoint(names) and bool(_WORD.fullmatch(said)) and not _NUMBERISH.search(said))
        or (not NUMBERS.isdisjoint(names) and bool(_AMOUNT.fullmatch(said)))
        or (not TIMES.isdisjoint(names) and bool(_TIME.fullmatch(said)))
        or (not IDS.isdisjoint(names) and said in known and said != "")
    )


def _plain(name: str) -> str:
    """``MessageStatus``, ``message_status`` and ``message-status`` as one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _field(name: str) -> str:
    return name if _NAME.fullmatch(name) and not _NUMBERISH.search(name) else HIDDEN
