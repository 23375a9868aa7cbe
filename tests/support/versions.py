"""Manifests of model versions that are made up."""

from pathlib import Path

import msgspec

from model_store.manifest import Manifest, Platt
from model_store.store import describe_files


def manifest_of(folder: Path, version: str = "1", **changes: object) -> Manifest:
    """Of the files in `folder`."""
    made = Manifest(
        name="distilbert",
        version=version,
        kind="distilbert",
        created="2026-01-01",
        description="for tests",
        files=describe_files(folder, [path.name for path in folder.iterdir() if path.name != "manifest.json"]),
        labels={"spam": ["ham", "spam"]},
        max_tokens=96,
        calibration={"spam": Platt()},
        thresholds={"spam": {"0.005": 0.5}},
        metrics={},
        data=[],
    )
    return msgspec.structs.replace(made, **changes)
