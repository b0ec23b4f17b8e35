"""The demo: a contract year of four invented tenants, played through the public endpoints of a local instance.

Owns: who the tenants are and what they send (``story``), what was agreed with them (``agreements``), how a provider
would say it (``wire``), the order of the year (``year``) and what is shown at the end (``summary``). Does not own:
anything the product decides; it only sends what providers, finance and customers would, and reads with the command
line's own commands.
Always true: the same seed is the same year, which begins with the month in which it is first played. Played again over
the same state it changes no count.
"""
