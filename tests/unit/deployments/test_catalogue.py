"""What an ingress knows of versions: the shipped ones, and whatever else comes to the store."""

import shutil
from pathlib import Path

import pytest

from configs.settings import Models, Settings
from deployments.catalogue import Catalogue
from model_store.store import SHIPPED
from pipeline.errors import InvalidField


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "models"))


@pytest.fixture
def catalogue(root: Path) -> Catalogue:
    return Catalogue(Settings(models=Models(root=str(root))))


def test_it_begins_with_the_versions_of_the_settings(catalogue: Catalogue) -> None:
    assert set(catalogue.manifests) == {"lightgbm/2", "distilbert/4"}
    assert catalogue.defaults == {
        "spam": "distilbert/4",
        "phishing": "lightgbm/2",
        "otp": "lightgbm/2",
        "intent": "lightgbm/2",
    }
    assert catalogue.partner("distilbert/4") == "lightgbm/2"


async def test_a_version_in_the_store_is_admitted_and_known_from_then_on(catalogue: Catalogue) -> None:
    await catalogue.admit("spam", ["distilbert/3"])
    assert catalogue.knows("distilbert/3")
    assert catalogue.needs("distilbert/3") == ["distilbert/3", "lightgbm/2"]
    assert catalogue.limits.limits("strict", "distilbert/3", "lightgbm/2", "lightgbm/2").spam_flag > 0


@pytest.mark.parametrize(
    ("task", "ref", "why"),
    [
        ("spam", "distilbert/9", "no model version"),
        ("spam", "lightgbm/2", "is a lightgbm; what answers the task spam is a distilbert"),
        ("otp", "distilbert/4", "is a distilbert; what answers the task otp is a lightgbm"),
        ("spam", "../etc/passwd", "not of the form name/version"),
    ],
)
async def test_what_cannot_answer_a_task_is_refused_by_name(
    catalogue: Catalogue, task: str, ref: str, why: str
) -> None:
    with pytest.raises(InvalidField, match=why) as refused:
        await catalogue.admit(task, [ref])
    assert refused.value.field == f"$.arms['{ref}']"


async def test_a_version_altered_since_is_refused_though_it_was_known(catalogue: Catalogue, root: Path) -> None:
    await catalogue.admit("spam", ["distilbert/3"])
    with (root / "distilbert/3/model.onnx").open("r+b") as file:
        file.write(b"altered")
    with pytest.raises(InvalidField, match="does not match its checksum"):
        await catalogue.admit("spam", ["distilbert/3"])


async def test_what_cannot_be_learnt_keeps_its_reason_and_the_others_are_learnt(catalogue: Catalogue) -> None:
    await catalogue.learn(["distilbert/9", "distilbert/3"])
    assert "no model version" in catalogue.reason("distilbert/9")
    assert catalogue.knows("distilbert/3")
    assert not catalogue.knows("distilbert/9")
