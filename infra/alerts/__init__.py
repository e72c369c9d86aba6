"""Alerts to staff: their texts, and the channels that send them."""
