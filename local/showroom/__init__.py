"""The showroom: a small system with one of everything, for browser tests and screenshots.

Owns: six invented tenants over four months that end today, one of each thing a page can show (``story``), how they come
about through the public endpoints (``fill``), the list of pages (``pages``) and pictures of them (``shots``).
Always true: it sends what providers, finance and customers would, and nothing it sends lies in the future.
"""
