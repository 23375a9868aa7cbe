import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.main import get_command

from deployments.cli import app
from tests.support.winnow import Winnow


def commands() -> list[tuple[str, ...]]:
    """Every command by its words: ("keys", "create")."""
    found: list[tuple[str, ...]] = []
    for name, command in get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        found += [(name, each) for each in inner] if inner else [(name,)]
    return found


def test_all_commands_are_there():
    groups = {words[0] for words in commands()}
    assert groups == {
        "serve",
        "environment",
        "classify",
        "bench",
        "capacity",
        "evaluate",
        "compare",
        "keys",
        "tenants",
        "experiments",
        "export",
        "models",
        "retrain",
    }


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_says_what_a_command_does_and_gives_an_example(winnow: Winnow, words: tuple[str, ...]):
    shown = winnow(*words, "--help")
    assert shown.exit_code == 0
    assert f"Example: {'env $(winnow environment)' if words == ('environment',) else 'winnow ' + ' '.join(words)}" in (
        " ".join(shown.stdout.split())
    )


def test_the_version_is_that_of_the_package(winnow: Winnow):
    assert winnow("--version").stdout == f"winnow {version('winnow')}\n"


def test_an_error_is_one_line_on_stderr(winnow: Winnow):
    failed = winnow("classify", "hello")
    assert failed.exit_code == 1
    assert failed.stdout == ""
    assert failed.stderr.startswith("error: no API key")
    assert failed.stderr.count("\n") == 1


def test_wrong_usage_is_exit_code_2(winnow: Winnow):
    assert winnow("classify").exit_code == 2
    assert winnow("classify", "one text", "--policy", "cruel").exit_code == 2
    assert winnow("nonsense").exit_code == 2


def test_it_starts_without_importing_ray_whose_environment_is_not_set_yet():
    code = """
import sys
from deployments.cli import main
sys.argv[1:] = ["--version"]
try:
    main()
finally:
    assert "ray" not in sys.modules
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (0, f"winnow {version('winnow')}\n")
