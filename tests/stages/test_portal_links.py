"""Portal links: made, mailed and ended with a name in the trail, once whatever is repeated or crashes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.fakes.faults import Crash, Faults, every_fault
from tests.stages.billing import Billing, at
from tollgate.domain.errors import Conflict, Invalid, NotFound
from tollgate.domain.notices import USAGE_LINK
from tollgate.stages.portal_links import PortalLinkPorts, end_links, mail_link, show_link

NOW = at("2026-03-10")
REQUEST = "2026-03-10T11:00:00Z"


def ports(world: Billing, faults: Faults | None = None) -> PortalLinkPorts:
    rows, wrap = world.rows, (faults or Faults()).wrap
    return PortalLinkPorts(
        contracts=wrap(rows.contracts),
        notices=wrap(rows.notices),
        links=wrap(rows.portal_links),
        audit=wrap(rows.audit),
    )


def trail(world: Billing) -> list[tuple[str, str, str]]:
    entries = world.rows.audit.entries("acme")
    return [(entry.by, entry.what, entry.note) for entry in entries if entry.action == "link"]


def test_a_link_that_is_shown_is_of_the_present_generation_and_in_the_trail() -> None:
    """Before anybody sees it; each time that it is asked for."""
    world = Billing()
    assert show_link("acme", by="mia", ports=ports(world), now=NOW) == 0
    world.memory.generations["acme"] = 4
    assert show_link("acme", by="jo", ports=ports(world), now=NOW + timedelta(seconds=1)) == 4
    assert trail(world) == [("mia", "shown", ""), ("jo", "shown", "")]


def test_a_link_is_mailed_once_for_each_page_it_was_asked_on() -> None:
    """A notice from which its mail follows; a form that is sent twice is one; a reloaded page asks for another."""
    world = Billing()
    assert mail_link("acme", request=REQUEST, by="mia", ports=ports(world), now=NOW)
    assert not mail_link("acme", request=REQUEST, by="mia", ports=ports(world), now=NOW + timedelta(minutes=1))
    [(notice, mail)] = world.memory.notices.values()
    assert (notice.kind, notice.identity) == (USAGE_LINK, f"2026-01-15#usage-link#{REQUEST}")
    assert mail.status == "queued"
    assert mail_link("acme", request="2026-03-11T00:00:00Z", by="jo", ports=ports(world), now=NOW + timedelta(days=1))
    assert trail(world) == [("mia", "mailed", "ops@acme.example"), ("jo", "mailed", "ops@acme.example")]


def test_before_the_first_term_a_link_is_of_that_term() -> None:
    """A customer may look before the contract starts."""
    world = Billing()
    mail_link("acme", request=REQUEST, by="mia", ports=ports(world), now=at("2025-12-01"))
    assert [notice.term for notice, _ in world.memory.notices.values()] == [world.contract.term.start]


def test_links_are_ended_once_and_never_those_that_were_made_after_it() -> None:
    """The same form again, and one that was loaded before somebody else ended them, end nothing more."""
    world = Billing()
    assert end_links("acme", generation=0, by="mia", ports=ports(world), now=NOW)
    assert not end_links("acme", generation=0, by="jo", ports=ports(world), now=NOW + timedelta(minutes=1))
    assert world.memory.generations == {"acme": 1}
    assert end_links("acme", generation=1, by="jo", ports=ports(world), now=NOW + timedelta(minutes=2))
    assert trail(world) == [("mia", "all-ended", ""), ("jo", "all-ended", "")]
    with pytest.raises(Conflict):
        end_links("acme", generation=7, by="jo", ports=ports(world), now=NOW + timedelta(minutes=3))


def test_what_cannot_be_done_is_refused() -> None:
    """A tenant that is not there, nobody's name, a form that is not ours; nothing is written."""
    world = Billing()
    own = ports(world)
    with pytest.raises(NotFound):
        show_link("nobody", by="mia", ports=own, now=NOW)
    with pytest.raises(NotFound):
        end_links("nobody", generation=0, by="mia", ports=own, now=NOW)
    with pytest.raises(NotFound):
        mail_link("nobody", request=REQUEST, by="mia", ports=own, now=NOW)
    with pytest.raises(Invalid):
        show_link("acme", by=" ", ports=own, now=NOW)
    with pytest.raises(Invalid):
        end_links("acme", generation=0, by="", ports=own, now=NOW)
    for request in ("", "yesterday", f"{REQUEST}#x"):
        with pytest.raises(Invalid):
            mail_link("acme", request=request, by="mia", ports=own, now=NOW)
    assert (world.memory.notices, world.memory.generations, trail(world)) == ({}, {}, [])


def test_a_conflict_that_left_no_notice_is_none_that_was_asked_for_before() -> None:
    """Nobody is told that a mail is on its way which is not."""
    world = Billing()
    faults = Faults(at=1, error=Conflict("busy"), only="mail")
    with pytest.raises(Conflict):
        mail_link("acme", request=REQUEST, by="mia", ports=ports(world, faults), now=NOW)
    assert world.memory.notices == {}


def test_a_crash_anywhere_and_the_same_again_is_one_link_and_one_ending() -> None:
    """One notice, one generation, one entry of each."""
    counted = Faults()
    world = Billing()
    mail_link("acme", request=REQUEST, by="mia", ports=ports(world, counted), now=NOW)
    end_links("acme", generation=0, by="mia", ports=ports(world, counted), now=NOW)
    for faults in every_fault(len(counted.calls)):
        world = Billing()
        own = ports(world, faults)
        for _ in range(2):
            try:
                mail_link("acme", request=REQUEST, by="mia", ports=own, now=NOW)
                end_links("acme", generation=0, by="mia", ports=own, now=NOW)
            except Crash:
                continue
        assert faults.fired
        assert (len(world.memory.notices), world.memory.generations) == (1, {"acme": 1})
        assert trail(world) == [("mia", "mailed", "ops@acme.example"), ("mia", "all-ended", "")]
