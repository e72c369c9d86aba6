"""Properties are about what holds, not about how fast this machine is today."""

from hypothesis import settings

settings.register_profile("oms", deadline=None)
settings.load_profile("oms")
