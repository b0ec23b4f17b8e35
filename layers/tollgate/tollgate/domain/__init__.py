"""Decisions. Pure: no clock, no environment, no SDK, no logging; everything they need comes in as an argument."""
