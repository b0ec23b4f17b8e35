"""A stateful stand-in for Stripe's one-off invoices, for local use and tests. It is not Stripe.

Real Stripe is a real key and no base address; this is `base_addresses={"api": ...}`. Statements about Stripe that
nobody has verified are marked [U] where the code depends on them, choices of this project [C].
"""

from .server import StandIn

__all__ = ["StandIn"]
