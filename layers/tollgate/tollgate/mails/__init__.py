"""Mails: what a customer or ops reads when something was noticed. Pure rendering: no clock, no environment, no sending.

Owns the wording (one catalogue a language), the look (templates) and the numbers shown beside a notice (pace, share).
Does not own when a mail is sent (``stages/notify``) or how it leaves (``adapters/ses``).
Always true: the same arguments give the same mail; text and HTML say the same; nothing in it is fetched from elsewhere.
"""
