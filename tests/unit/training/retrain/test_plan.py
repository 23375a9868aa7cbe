import logging
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_store.store import Bundle
from pipeline.errors import ConfigError, ModelError
from tests.support.versions import manifest_of
from training.examples import Example
from training.retrain.plan import RECORD, Plan, Run, clear, keep, kept, last_read, next_free

PLAN = Plan(
    serving="distilbert/4",
    serving_trees="lightgbm/2",
    net="distilbert/5",
    trees="lightgbm/3",
    until=datetime(2026, 3, 2, 4, 5, tzinfo=UTC),
    since=None,
    messages=1,
    news=1,
    left_out=0,
)


class Named:
    """A store that knows versions by name alone."""

    def __init__(self, versions: list[str]) -> None:
        self._versions = versions

    def versions(self, name: str) -> list[str]:
        return self._versions


@pytest.mark.parametrize(
    ("taken", "free"),
    [
        ([], "1"),
        (["1", "2"], "3"),
        (["9", "10"], "11"),
        (["2", "distilbert-base-1"], "3"),
        (["hub-7"], "1"),
        (["07"], "8"),
    ],
)
def test_the_number_after_the_highest_is_free(taken: list[str], free: str) -> None:
    assert next_free(Named(taken), "distilbert") == f"distilbert/{free}"  # type: ignore[arg-type]


@given(st.lists(st.from_regex(r"[A-Za-z0-9._-]{1,6}", fullmatch=True)))
def test_a_free_number_is_not_taken(taken: list[str]) -> None:
    assert next_free(Named(taken), "distilbert").removeprefix("distilbert/") not in taken  # type: ignore[arg-type]


def test_a_run_is_kept_until_it_ends(tmp_path: Path) -> None:
    assert kept(tmp_path / "run", "distilbert/4") is None
    run = Run(PLAN, [Example(text="claim it now", spam=True, source="feedback")])
    keep(tmp_path / "run", run)
    assert kept(tmp_path / "run", "distilbert/4") == run
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["plan.json"]
    assert (tmp_path / "run" / "plan.json").stat().st_mode & 0o777 == 0o600


def test_a_run_beside_a_version_that_serves_no_more_is_not_gone_on_with(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)  # an export of a net has raised it
    keep(tmp_path / "run", Run(PLAN, []))
    assert kept(tmp_path / "run", "distilbert/5") is None
    assert "was for distilbert/4, and distilbert/5 serves: a new one takes its place" in caplog.text
    assert (tmp_path / "run" / "plan.json").exists(), "to look at it removes nothing"
    clear(tmp_path / "run")
    clear(tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_keeps_the_revision_that_it_began_beside() -> None:
    begun = Run(PLAN, []).beside(None).beside(3)
    assert (begun.plan.revision, begun.beside(4)) == (3, begun)
    assert Run(PLAN, []).beside(0).beside(7).plan.revision == 0, "there was no experiment"


def test_a_plan_without_a_revision_can_be_read(tmp_path: Path) -> None:
    old = msgspec.to_builtins(Run(PLAN, []))
    del old["plan"]["revision"]
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(old))
    assert kept(tmp_path, "distilbert/4") == Run(PLAN, [])


def test_a_damaged_plan_is_named(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"plan\.json cannot be read: .*; remove"):
        kept(tmp_path, "distilbert/4")


def test_a_version_says_when_its_feedback_was_read(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"")
    assert last_read(Bundle(tmp_path, manifest_of(tmp_path))) is None
    (tmp_path / RECORD).write_bytes(msgspec.json.encode(Run(PLAN, [])))
    assert last_read(Bundle(tmp_path, manifest_of(tmp_path))) == PLAN.until
    (tmp_path / RECORD).write_text("{}")
    with pytest.raises(ModelError, match=r"retrain\.json of distilbert/1 cannot be read"):
        last_read(Bundle(tmp_path, manifest_of(tmp_path)))


def test_the_name_of_a_run_is_fit_for_a_folder() -> None:
    assert PLAN.name == "2026-03-02-0405-distilbert-5"
