"""A retrained version goes to a bucket whole, once, however often its publisher is cut off."""

from pathlib import Path

import pytest

from model_store.manifest import encode
from pipeline.errors import Unavailable
from tests.support.s3 import LARGE, S3, make_version
from tests.support.versions import manifest_of
from training.retrain.plan import next_free
from training.retrain.publish import publish


def test_a_candidate_reaches_a_bucket_once(s3: S3, tmp_path: Path) -> None:
    folder = make_version(tmp_path / "push", LARGE)
    manifest = manifest_of(folder, parent="distilbert/0")
    (folder / "manifest.json").write_bytes(encode(manifest))
    s3.proxy.cut_after(up=LARGE // 2, for_good=True)
    with pytest.raises(Unavailable):
        publish(s3.store(), folder)
    s3.proxy.start()
    assert next_free(s3.store(), "distilbert") == "distilbert/1", "what is not whole is no version"
    assert publish(s3.store(), folder) == "distilbert/1"
    assert publish(s3.store(), folder) == "distilbert/1"
    assert s3.store().open("distilbert/1").manifest == manifest
    assert next_free(s3.store(), "distilbert") == "distilbert/2"
