"""Settings of all tests."""

import pytest
from hypothesis import settings

from pipeline.errors import ConfigError
from training.corpora import data_root

# A shared machine may be slow at any moment; a test is about results, not about time.
settings.register_profile("winnow", deadline=None)
settings.load_profile("winnow")


def missing_corpora() -> str:
    """Why there are no corpora; "" when they are there."""
    try:
        data_root()
    except ConfigError as error:
        return error.detail
    return ""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests marked `data` read the corpora, which are not part of the project: without their folder they cannot run."""
    if missing_corpora():
        left_out = [item for item in items if item.get_closest_marker("data")]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if reason := missing_corpora():
        terminalreporter.write_line(f"Tests of the corpora were left out: {reason}", yellow=True)
