"""The composition root: the names that the command line knows are those that exist, and options reach deployments."""

import msgspec
import pytest
from ray.serve import Application
from ray.serve.schema import ServeDeploySchema

from configs.settings import ROOT, Settings
from deployments.app import DEPLOYMENTS, build, compose
from deployments.cli.serve import NAMES


def test_the_command_line_knows_every_deployment():
    assert frozenset(DEPLOYMENTS) == NAMES


def test_the_builder_of_serve_makes_an_application():
    assert isinstance(build({}), Application)


def test_options_reach_their_deployment():
    found = compose(Settings(), {"Ingress": {"num_replicas": 3}})
    assert found._bound_deployment.num_replicas == 3


@pytest.mark.parametrize("profile", sorted((ROOT / "configs").glob("serve.*.yaml")), ids=lambda path: path.name)
def test_the_profiles_that_ship_are_ray_serve_config_files(profile):
    schema = ServeDeploySchema.model_validate(msgspec.yaml.decode(profile.read_bytes()))
    assert [application.import_path for application in schema.applications] == ["deployments.app:build"]
