"""Tollgate: usage metering and billing for messaging platforms. Rooms: domain, stages, providers, adapters."""
