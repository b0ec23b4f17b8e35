"""One module per provider: verify a request on its raw bytes, parse it to facts. Pure but for crypto."""
