"""The brand on pages: its name where ours stood, its accent, and nothing of it unescaped."""

from __future__ import annotations

import re
from dataclasses import replace

from tests.console.conftest import CONSOLE_KEY, NOW, World
from tests.stages.billing import Billing
from tollgate.console import assets, links
from tollgate.mails.brand import Brand

BRAND = Brand(
    name="Søndly & <script>",
    accent="#ffcc00",
    support="help@sondly.example",
    billing="pay@sondly.example",
    legal="Søndly & <script> A/S | 1051 København",
    url="https://sondly.example/?a=1&b=2",
)
LINK = links.address("acme", generation=0, site="", key=CONSOLE_KEY, now=NOW)


def test_every_page_is_the_brands(world: World) -> None:
    """Of customers, of our people, of nobody; escaped in each, and none says Tollgate."""
    Billing(memory=world.memory).use("2026-03-09", "0.75")
    world.ports = replace(world.ports, brand=BRAND)
    staff = world.visitor()
    staff.sign_in("finance")
    for seen in (
        world.visitor().get(LINK),
        world.visitor().get(f"{LINK}/records"),
        world.visitor().get("/usage/broken"),
        staff.get("/console"),
        staff.get("/console/nowhere"),
    ):
        assert re.search(r"<title>[^<]* · Søndly &amp; &lt;script&gt;</title>", seen.text)
        assert re.search(r'class="brand"[^>]*>Søndly &amp; &lt;script&gt;<', seen.text)
        assert "Tollgate" not in seen.text


def test_pages_have_the_brands_accent(world: World) -> None:
    """From a style sheet of our own address, darkened on light pages until it can be read, and kept for a year."""
    world.ports = replace(world.ports, brand=BRAND)
    [own, brands] = re.findall(r'rel="stylesheet" href="([^"]+)"', world.visitor().get("/usage/broken").text)
    assert own == assets.address("console.css")
    seen = world.visitor().get(brands)
    assert (seen.status, seen.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert f"--accent: light-dark({BRAND.accent_on_light}, {BRAND.accent_on_dark})" in seen.text
    assert BRAND.accent_on_light != BRAND.accent
    assert "immutable" in seen.headers["cache-control"]
    assert world.visitor().get(brands.replace("brand.", "brand.0")).status == 404
