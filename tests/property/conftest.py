"""One profile for every property: no deadline for an example, because other work on the machine is not a finding."""

from hypothesis import settings

settings.register_profile("tongguan", deadline=None)
settings.load_profile("tongguan")
