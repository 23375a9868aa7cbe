"""Candidates as training leaves them, and what makes the store refuse one."""

from pathlib import Path

import pytest

from loadtests.rollout import versions
from loadtests.rollout.versions import DAMAGED, FIRST, SECOND, SOURCE, TREES
from model_store.store import LocalStore, refs
from pipeline.errors import ModelError


@pytest.fixture
def store(tmp_path: Path) -> Path:
    versions.stock(tmp_path / "store")
    return tmp_path / "store"


def test_a_store_begins_with_what_a_server_starts_with(store: Path) -> None:
    assert sorted(refs(LocalStore(store))) == sorted((FIRST, TREES))


async def test_a_candidate_is_pushed_as_by_hand_and_is_sound(store: Path, tmp_path: Path) -> None:
    await versions.push(versions.train(tmp_path / "shop", SECOND), store)
    opened, source = LocalStore(store).open(SECOND).manifest, LocalStore().open(SOURCE).manifest
    assert (opened.ref, opened.parent, opened.files) == (SECOND, FIRST, source.files)


def test_one_flipped_bit_makes_a_version_unusable_and_leaves_the_others_alone(store: Path, tmp_path: Path) -> None:
    for ref in (SECOND, DAMAGED):
        versions.publish(versions.train(tmp_path / "shop", ref), store)
    versions.damage(store, DAMAGED)
    with pytest.raises(ModelError, match="does not match its checksum"):
        LocalStore(store).open(DAMAGED)
    LocalStore(store).open(SECOND)
