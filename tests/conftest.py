"""Fixtures that several rooms share."""

import os
from pathlib import Path

import pytest
from hypothesis import Phase, settings

# The same examples in each run of continuous integration; new ones for everybody else.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("default", deadline=None)
# For mutation tests, which ask only whether an example fails and not which is the smallest.
settings.register_profile("no-shrinking", derandomize=True, deadline=None, phases=[Phase.explicit, Phase.generate])
settings.load_profile("ci" if os.environ.get("CI") else "default")

_SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of reference data beside the project: real .nir files, golden results, recordings.

    Tests that need it are skipped where it is absent, but never in CI.
    """
    if not _SHARED.is_dir():
        message = f"reference data not found: expected a folder {_SHARED} beside the project"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return _SHARED


def pytest_addoption(parser: pytest.Parser) -> None:
    """Golden files a person reviews are renewed on request, never silently."""
    parser.addoption("--update-golden", action="store_true", help="rewrite golden files with what is found now")
