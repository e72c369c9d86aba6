"""How the property tests of this folder run."""

from hypothesis import settings

# A busy machine is no bug: examples are not timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
