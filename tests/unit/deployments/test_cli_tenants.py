from tests.support.winnow import Winnow


def policies(winnow: Winnow) -> dict[str, str]:
    heading, *rows = winnow("tenants", "list").stdout.splitlines()
    assert heading.split() == ["id", "policy"]
    return dict(map(str.split, rows))


def test_a_tenants_policy_is_set_and_returns_to_the_default(at_home: Winnow):
    for policy in ("strict", "moderate", "lenient", "default"):
        done = at_home("tenants", "set", "carrier-one", "--policy", policy)
        assert (done.exit_code, done.stdout) == (0, f"carrier-one: {policy}\n")
        assert policies(at_home)["carrier-one"] == policy


def test_a_tenant_without_a_policy_of_its_own_has_the_default(at_home: Winnow):
    at_home("keys", "create", "--tenant", "carrier-two", "--name", "gateway")
    assert policies(at_home)["carrier-two"] == "default"


def test_wrong_tenants_and_policies_are_named(at_home: Winnow):
    policy = at_home("tenants", "set", "carrier-three", "--policy", "harsh")
    assert policy.exit_code == 2
    assert "harsh" in policy.stderr
    tenant = at_home("tenants", "set", "No Such Name!", "--policy", "strict")
    assert tenant.exit_code == 1
    assert "tenants_id_check" in tenant.stderr
    assert "carrier-three" not in policies(at_home)
