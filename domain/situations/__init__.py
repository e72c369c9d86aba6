"""Where an order stands: one rule, its sentences in English and Chinese, and the actions that fit."""
