"""Console: the pages of finance and ops, the customer's page, and the JSON API beneath them. See README.md."""
