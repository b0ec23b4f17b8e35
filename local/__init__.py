"""Runs the deployed template on this machine: local AWS, Stripe stand-in, gateway. Nothing here is deployed."""
