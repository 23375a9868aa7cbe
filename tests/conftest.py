"""Settings of all tests."""

from hypothesis import settings

# A shared machine may be slow at any moment; a test is about results, not about time.
settings.register_profile("winnow", deadline=None)
settings.load_profile("winnow")
