"""Stripe: the gateway behind the ``Stripe`` port, and the reading of Stripe's events.

Owns: how a request looks on the wire, what Stripe's failures mean to a stage, and whether an event is Stripe's.
Does not own: which call comes next, which idempotency key a step has, what an invoice's status means to a tenant.

Always true: nothing outside this package imports the SDK ``stripe``; every POST carries the key it was given; amounts
cross as integer minor units, times as whole seconds; no API key, mail address or request body gets into an error.
"""
