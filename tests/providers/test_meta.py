"""Meta: signature, subscription, and what its statuses say."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.providers.samples import (
    ACME,
    BOLT,
    HASHER,
    META_SECRETS,
    NOW,
    meta_signature,
    meta_status,
    only,
    parsed,
    sample,
    tree,
)
from tollgate.domain.facts import Pricing, Recipient
from tollgate.domain.rates import TierReached
from tollgate.providers.errors import Forged, Malformed
from tollgate.providers.meta import META, OTHER_OBJECT
from tollgate.providers.provider import Request
from tollgate.providers.whatsapp import FLAG_DISAGREES, INBOUND

STATUS = "entry.0.changes.0.value.statuses.0"


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def post(body: bytes, signature: str) -> Request:
    return Request(
        method="POST",
        path="/webhooks/meta",
        headers={"X-Hub-Signature-256": signature},
        body=body,
        received_at=NOW,
    )


def subscribe(query: str, *, method: str = "GET") -> Request:
    return Request(method=method, path="/webhooks/meta", query=query, received_at=NOW)


# Signatures made with OpenSSL, not with the code under test.
EMPTY_BATCH = b'{"object":"whatsapp_business_account","entry":[]}'
EMPTY_BATCH_SIGNATURE = "sha256=c54dc2065d4fbc8886872a3e800c593da7f13184b212d38e90e747437f16908c"
ESCAPED = b'{"name":"J\\u00e4ger"}'
ESCAPED_SIGNATURE = "sha256=4c27aae33cdafae8a5cd008f05fd2c21de584d281774fddbc38c8bbabe844313"


@pytest.mark.parametrize(("body", "signature"), [(EMPTY_BATCH, EMPTY_BATCH_SIGNATURE), (ESCAPED, ESCAPED_SIGNATURE)])
def test_a_signature_made_by_another_program_is_accepted(body: bytes, signature: str) -> None:
    """The recipe is HMAC-SHA256 of the raw bytes under the app secret, in lower-case hex."""
    META.verify(post(body, signature), META_SECRETS)


def test_the_signature_is_over_the_bytes_as_sent() -> None:
    """The same JSON written with other escapes does not match."""
    with pytest.raises(Forged):
        META.verify(post('{"name":"Jäger"}'.encode(), ESCAPED_SIGNATURE), META_SECRETS)


def test_the_legacy_sha1_header_proves_nothing() -> None:
    """Only X-Hub-Signature-256 is looked at."""
    request = Request(
        method="POST",
        path="/",
        headers={"X-Hub-Signature": EMPTY_BATCH_SIGNATURE},
        body=EMPTY_BATCH,
        received_at=NOW,
    )
    with pytest.raises(Forged):
        META.verify(request, META_SECRETS)


@pytest.mark.parametrize("body", [sample("meta", "status_truncated.raw"), b"[]", b"", b"\xff"])
def test_a_signed_body_that_is_no_object_is_malformed(body: bytes) -> None:
    """A genuine request that was cut short is refused as malformed, not as forged."""
    with pytest.raises(Malformed):
        META.verify(post(body, meta_signature(body)), META_SECRETS)


def test_a_subscription_is_answered_with_its_challenge_as_sent() -> None:
    """The challenge comes back raw: decoded, unquoted, digits or not."""
    token = META_SECRETS["verify_token"].replace(" ", "%20")
    query = f"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}"
    assert META.handshake(subscribe(query), META_SECRETS) == "1158201444"


TOKEN = "hub.verify_token=a+verify+token+for+tests"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "hub.mode=subscribe&hub.challenge=1",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=wrong",
        "hub.mode=subscribe&hub.challenge=1&hub.verify_token=%ff%00",
        f"hub.mode=unsubscribe&hub.challenge=1&{TOKEN}",
        f"hub.challenge=1&{TOKEN}",
        f"hub.mode=subscribe&{TOKEN}",
        f"hub.mode=subscribe&hub.challenge=&{TOKEN}",
        f"hub.mode=subscribe&hub.challenge={'1' * 513}&{TOKEN}",
        f"hub.mode=subscribe&hub.challenge=1&{TOKEN}&hub.verify_token=wrong",
    ],
)
def test_any_other_subscription_is_forged(query: str) -> None:
    """A wrong, missing or repeated token, another mode, or no challenge is refused."""
    with pytest.raises(Forged):
        META.handshake(subscribe(query), META_SECRETS)


def test_an_unconfigured_token_matches_nothing() -> None:
    """A blank token does not match a blank secret."""
    with pytest.raises(Forged):
        META.handshake(subscribe("hub.mode=subscribe&hub.challenge=1&hub.verify_token="), {"verify_token": ""})


def test_a_post_is_no_handshake() -> None:
    """Only a GET subscribes."""
    query = f"hub.mode=subscribe&hub.challenge=1&{TOKEN}"
    assert META.handshake(subscribe(query, method="POST"), META_SECRETS) is None


def test_a_delivered_status_is_a_fact_of_its_sender() -> None:
    """WABA, phone number id, wamid, status, time, pricing and recipient are read; nothing of the display number is."""
    fact = only(parsed("meta", sample("meta", "status_delivered.json")))
    assert (fact.provider, fact.account, fact.number, fact.meter) == ("meta", ACME, "106540352242922", "whatsapp")
    assert fact.message == "wamid.HBgMMjU0NzEyMzQ1Njc4FQIAERgSQkZCMzcyMzE5RjhDNTYxNEE0AA=="
    assert (fact.status, fact.at, fact.requested_at) == ("delivered", at(1795255203), None)
    assert fact.pricing == Pricing("regular", "marketing")
    assert fact.report is None
    assert fact.recipient == Recipient("2547", "KE", HASHER("254712345678"))
    assert fact.participant == ""


# file → status, pricing
STATUSES: list[tuple[str, str, Pricing | None]] = [
    ("status_sent.json", "sent", Pricing("regular", "marketing")),
    ("status_sent_without_pricing.json", "sent", None),
    ("status_delivered.json", "delivered", Pricing("regular", "marketing")),
    ("status_read_without_pricing.json", "read", None),
    ("status_read_only.json", "read", Pricing("regular", "utility")),
    ("status_failed.json", "failed", None),
    ("status_service_free_tier.json", "delivered", Pricing("free_customer_service", "service")),
    ("status_service_regular.json", "delivered", Pricing("regular", "service")),
    ("status_service_paid_exempt_UNVERIFIED.json", "delivered", Pricing("regular", "service", "paid_exempt")),
    ("status_utility_in_window_2026-09.json", "delivered", Pricing("free_customer_service", "utility")),
    ("status_utility_in_window_2026-10.json", "delivered", Pricing("regular", "utility")),
    ("status_free_entry_point.json", "sent", Pricing("free_entry_point", "referral_conversion")),
    ("status_auth_international.json", "delivered", Pricing("regular", "authentication_international")),
    ("status_bsuid_only.json", "delivered", Pricing("regular", "utility")),
    ("status_cbp_legacy.json", "sent", Pricing("cbp", "marketing")),
]


@pytest.mark.parametrize(("file", "status", "pricing"), STATUSES)
def test_every_documented_shape_of_a_status_is_read(file: str, status: str, pricing: Pricing | None) -> None:
    """Pricing is taken from whichever status carries it, and required on none."""
    fact = only(parsed("meta", sample("meta", file)))
    assert (fact.status, fact.pricing) == (status, pricing)


def test_sent_delivered_and_read_are_facts_of_one_message() -> None:
    """The statuses of a message share its key, with and without pricing."""
    files = ("status_sent.json", "status_sent_without_pricing.json", "status_delivered.json",
             "status_read_without_pricing.json")  # fmt: skip
    assert len({only(parsed("meta", sample("meta", file))).key for file in files}) == 1


def test_a_group_message_is_one_fact_per_participant() -> None:
    """Participants share the wamid and differ in their keyed hash; market and country are the participant's own."""
    facts = parsed("meta", sample("meta", "status_group.json")).facts
    assert len(facts) == len({fact.key for fact in facts}) == 3
    assert len({fact.message for fact in facts}) == 1
    assert [fact.participant for fact in facts] == [HASHER(n) for n in ("254712345678", "254733000111", "919876543210")]
    assert [fact.recipient.prefix for fact in facts] == ["2547", "2547", "9198"]
    assert [fact.recipient.country for fact in facts] == ["KE", "KE", "IN"]
    assert {fact.pricing for fact in facts} == {Pricing("regular", "group_marketing")}


def test_a_participant_known_by_user_id_alone_has_a_key_of_its_own() -> None:
    """Where no participant number is given, the user id tells participants apart."""
    group: dict[str, Any] = {"recipient_type": "group", "recipient_id": "a-group@g.us"}
    first = only(parsed("meta", meta_status("status_delivered.json", recipient_user_id="KE.1", **group)))
    other = only(parsed("meta", meta_status("status_delivered.json", recipient_user_id="KE.2", **group)))
    assert first.participant == HASHER("KE.1")
    assert other.participant == HASHER("KE.2")


def test_a_group_status_without_a_participant_is_unreadable() -> None:
    """N participants counted as one would be an undercount, and a shared parent is nobody in particular."""
    body = meta_status("status_bsuid_only.json", recipient_type="group", recipient_user_id=...)
    found = parsed("meta", body)
    assert not found.facts
    assert [problem.path for problem in found.unreadable] == [f"{STATUS}.recipient_participant_id"]


def test_a_mixed_batch_keeps_accounts_apart() -> None:
    """Each status goes to the WABA and number of its own entry, in whatever order statuses stand."""
    facts = parsed("meta", sample("meta", "batch_mixed.json")).facts
    assert [(fact.account, fact.status) for fact in facts] == [
        (ACME, "delivered"),
        (ACME, "sent"),
        (ACME, "read"),
        (BOLT, "delivered"),
        (BOLT, "sent"),
    ]
    assert {fact.number for fact in facts if fact.account == BOLT} == {"211874050663391"}
    assert facts[0].at > facts[1].at
    assert facts[4].pricing is None


def test_what_is_no_status_is_ignored_by_name() -> None:
    """Inbound messages give no facts and fail nothing."""
    found = parsed("meta", sample("meta", "message_inbound.json"))
    assert (found.facts, found.unreadable, found.ignored) == ((), (), (INBOUND,))


def tier_update(**told: object) -> dict[str, Any]:
    body: dict[str, Any] = tree("meta", "account_update_volume_tier.json")
    body["entry"][0]["changes"][0]["value"]["volume_tier_info"].update(told)
    return body


def test_a_volume_tier_is_read_with_its_market_month_and_first_message() -> None:
    """Of utility and authentication; the account is the WABA that was told."""
    found = parsed("meta", tier_update())
    at = datetime.fromtimestamp(1795255899, UTC)
    tier = TierReached(
        account=ACME, month=date(2026, 11, 1), market="India", category="utility", count=25_000_001, at=at
    )
    assert (found.tiers, found.facts, found.ignored, found.unreadable) == ((tier,), (), (), ())
    open_ended = parsed("meta", tier_update(tier="80000001:"))
    assert [tier.count for tier in open_ended.tiers] == [80_000_001]


@pytest.mark.parametrize(
    ("told", "problems", "ignored"),
    [
        ({"pricing_category": "MARKETING"}, 0, ("tier-of-marketing",)),
        ({"tier": "many"}, 1, ()),
        ({"effective_month": "2026-13"}, 1, ()),
        ({"tier_update_time": "soon"}, 1, ()),
    ],
)
def test_a_tier_that_says_nothing_of_prices_is_named(
    told: dict[str, object], problems: int, ignored: tuple[str, ...]
) -> None:
    """A category without tiers is passed over; one that cannot be read keeps its receipt."""
    found = parsed("meta", tier_update(**told))
    assert (found.tiers, len(found.unreadable), found.ignored) == ((), problems, ignored)


def test_another_update_of_the_account_is_ignored() -> None:
    """It gives no facts and fails nothing."""
    body = tree("meta", "account_update_volume_tier.json")
    body["entry"][0]["changes"][0]["value"] = {"event": "VERIFIED_ACCOUNT"}
    assert parsed("meta", body).ignored == ("account_update",)


@pytest.mark.parametrize("value", [None, "x", 1, [], {}])
def test_a_field_of_next_year_is_ignored_whatever_it_holds(value: object) -> None:
    """A change of an unknown field is passed over."""
    body = tree("meta", "status_delivered.json")
    body["entry"][0]["changes"].append({"field": "phone_number_quality_update", "value": value})
    found = parsed("meta", body)
    assert (len(found.facts), found.ignored) == (1, ("phone_number_quality_update",))
    assert not found.unreadable


def test_another_object_is_ignored() -> None:
    """A Meta app may subscribe to more than WhatsApp."""
    assert parsed("meta", {"object": "page", "entry": 1}).ignored == (OTHER_OBJECT,)


def test_unknown_statuses_types_and_categories_are_kept() -> None:
    """What Meta adds is kept as it is, for the rules to judge."""
    price = {"pricing_model": "PMP", "type": "free_of_next_year", "category": "general-purpose-ai"}
    fact = only(parsed("meta", meta_status("status_delivered.json", status="teleported", pricing=price)))
    assert (fact.status, fact.pricing) == ("teleported", Pricing("free_of_next_year", "general_purpose_ai"))


# billable flag, type → remarks
FLAGS: list[tuple[object, str, tuple[str, ...]]] = [
    (True, "regular", ()),
    (False, "regular", (FLAG_DISAGREES,)),
    (True, "free_customer_service", (FLAG_DISAGREES,)),
    (False, "free_customer_service", ()),
    (None, "regular", ()),
    ("yes", "regular", ()),
]


@pytest.mark.parametrize(("flag", "kind", "remarks"), FLAGS)
def test_the_type_decides_and_a_disagreeing_flag_is_remarked(flag: object, kind: str, remarks: tuple[str, ...]) -> None:
    """The retiring flag never changes a fact, whatever it holds."""
    body = meta_status("status_delivered.json", pricing={"type": kind, "category": "utility", "billable": flag})
    found = parsed("meta", body)
    assert only(found).pricing == Pricing(kind, "utility")
    assert found.remarks == remarks


def test_a_free_conversation_of_old_is_no_message_price() -> None:
    """Conversation-based pricing had no type: it gets one by its flag, and never ``regular``."""
    price = {"pricing_model": "CBP", "category": "service", "billable": False}
    fact = only(parsed("meta", meta_status("status_cbp_legacy.json", pricing=price)))
    assert fact.pricing == Pricing("free_cbp", "service")


def test_a_price_per_message_without_a_type_is_unreadable() -> None:
    """Nothing is guessed: without its type a message would go uncharged unseen."""
    body = meta_status("status_delivered.json", pricing={"pricing_model": "PMP", "category": "x", "billable": True})
    found = parsed("meta", body)
    assert not found.facts
    assert [problem.path for problem in found.unreadable] == [f"{STATUS}.pricing.type"]


def test_one_unreadable_status_does_not_lose_its_neighbours() -> None:
    """The good ones are facts; the bad one is named by path and by what was expected, without its value."""
    body = tree("meta", "batch_mixed.json")
    body["entry"][0]["changes"][0]["value"]["statuses"][1]["timestamp"] = "4711-secret"
    found = parsed("meta", body)
    assert [fact.status for fact in found.facts] == ["delivered", "read", "delivered", "sent"]
    assert [problem.path for problem in found.unreadable] == ["entry.0.changes.0.value.statuses.1.timestamp"]
    assert "secret" not in repr(found)


# what is broken → path of the problem, facts that remain of the mixed batch's five
BROKEN: list[tuple[tuple[str | int, ...], str, int]] = [
    (("entry", 0), "entry.0", 2),
    (("entry", 0, "id"), "entry.0.id", 2),
    (("entry", 0, "changes"), "entry.0.changes", 2),
    (("entry", 0, "changes", 0), "entry.0.changes.0", 2),
    (("entry", 0, "changes", 0, "field"), "entry.0.changes.0.field", 2),
    (("entry", 0, "changes", 0, "value"), "entry.0.changes.0.value", 2),
    (("entry", 0, "changes", 0, "value", "metadata"), "entry.0.changes.0.value.metadata", 2),
    (("entry", 0, "changes", 0, "value", "statuses"), "entry.0.changes.0.value.statuses", 2),
    (("entry", 0, "changes", 0, "value", "statuses", 0), STATUS, 4),
    (("entry", 0, "changes", 0, "value", "statuses", 0, "id"), f"{STATUS}.id", 4),
    (("entry", 0, "changes", 0, "value", "statuses", 0, "pricing"), f"{STATUS}.pricing", 4),
]


@pytest.mark.parametrize(("where", "path", "left"), BROKEN)
def test_damage_is_contained_where_it_is(where: tuple[str | int, ...], path: str, left: int) -> None:
    """Whatever level is broken, everything beside it is still read."""
    body: Any = tree("meta", "batch_mixed.json")
    inner = body
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = 7
    found = parsed("meta", body)
    assert ([problem.path for problem in found.unreadable], len(found.facts)) == ([path], left)


# timestamp → readable
TIMES: list[tuple[object, bool]] = [
    ("1795255203", True),
    (1795255203, True),
    ("1420070400", True),
    ("1420070399", False),
    ("4102444799", True),
    ("4102444800", False),
    ("1795255203000", False),
    ("-1795255203", False),
    ("1795255203.5", False),
    (" 1795255203", False),
    ("१७९५२५५२०३", False),
    (True, False),
    (None, False),
    ("", False),
]


@pytest.mark.parametrize(("timestamp", "readable"), TIMES)
def test_a_time_is_unix_seconds_of_a_sane_year(timestamp: object, readable: bool) -> None:
    """From 2015 to 2099; milliseconds, signs, fractions and other digits are refused."""
    found = parsed("meta", meta_status("status_delivered.json", timestamp=timestamp))
    assert bool(found.facts) is readable
    assert bool(found.unreadable) is not readable


# id → key, None when refused
IDS: list[tuple[object, str | None]] = [
    ("wamid.A==", "wamid.A=="),
    ("a#b", "a%23b"),
    ("a%23b", "a%2523b"),
    ("x" * 512, "x" * 512),
    ("x" * 513, None),
    ("#" * 171, None),
    ("", None),
    ("a\nb", None),
    ("é", None),
    ("\ud800", None),
    (12, None),
    (None, None),
]


@pytest.mark.parametrize(("given", "kept"), IDS)
def test_a_message_id_is_safe_in_a_key(given: object, kept: str | None) -> None:
    """``#`` separates the parts of a key, so it is escaped, reversibly; what would not fit a key is refused."""
    found = parsed("meta", meta_status("status_delivered.json", id=given))
    assert [fact.message for fact in found.facts] == ([] if kept is None else [kept])
    assert bool(found.unreadable) is (kept is None)


def test_a_recipient_without_a_number_is_known_by_user_id() -> None:
    """The user id gives hash and country; there is no calling code."""
    fact = only(parsed("meta", sample("meta", "status_bsuid_only.json")))
    assert fact.recipient == Recipient("", "US", HASHER("US.13491208655302741918"))


def test_a_batch_without_a_list_of_entries_is_malformed() -> None:
    """There is nothing in it to keep apart."""
    bodies: list[object] = [{"object": "whatsapp_business_account"}, {"entry": {}}, {"entry": None}]
    for body in bodies:
        with pytest.raises(Malformed):
            parsed("meta", body)


@pytest.mark.parametrize(
    ("body", "group"),
    [
        (sample("meta", "batch_mixed.json"), ACME),
        (sample("meta", "account_update_volume_tier.json"), ACME),
        (b'{"entry": []}', "meta"),
        (b'{"entry": [{"id": 12}]}', "meta"),
        (b'{"entry": [{"id": "a b"}]}', "meta"),
        (b'{"entry": {"id": "1"}}', "meta"),
        (b'{"entry": [null]}', "meta"),
    ],
)
def test_the_group_is_the_first_account(body: bytes, group: str) -> None:
    """One busy account waits for itself; a body that names none shares the provider's group."""
    assert META.group(body) == group
