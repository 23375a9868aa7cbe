from tests.support.winnow import Winnow


def policies(winnow: Winnow) -> dict[str, str]:
    return {tenant: row[0] for tenant, row in listed(winnow).items()}


def listed(winnow: Winnow) -> dict[str, list[str]]:
    """Tenant to the other cells of its row."""
    heading, *rows = winnow("tenants", "list").stdout.splitlines()
    assert heading.split() == ["id", "policy", "language", "model", "webhook"]
    return {tenant: cells for tenant, *cells in map(str.split, rows)}


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


def test_a_tenant_keeps_its_messages_from_the_language_model(at_home: Winnow):
    at_home("tenants", "set", "carrier-four", "--policy", "strict")
    done = at_home("tenants", "intents", "carrier-four", "--local-only")
    assert (done.exit_code, done.stdout) == (0, "carrier-four: never\n")
    assert listed(at_home)["carrier-four"] == ["strict", "never"]
    at_home("tenants", "set", "carrier-four", "--policy", "lenient")
    assert listed(at_home)["carrier-four"] == ["lenient", "never"]
    at_home("tenants", "intents", "carrier-four", "--language-model")
    assert listed(at_home)["carrier-four"] == ["lenient", "redacted"]


def test_a_webhook_gets_a_secret_that_is_shown_once(at_home: Winnow):
    at_home("tenants", "set", "carrier-five", "--policy", "strict")
    first, second = (at_home("tenants", "webhook", "carrier-five", "--url", "https://a.example/hook") for _ in range(2))
    assert first.stdout.startswith("carrier-five: signed with whsec_")
    assert first.stdout != second.stdout
    assert listed(at_home)["carrier-five"] == ["strict", "redacted", "https://a.example/hook"]
    assert at_home("tenants", "webhook", "carrier-five", "--off").stdout == "carrier-five: no webhook\n"
    assert listed(at_home)["carrier-five"] == ["strict", "redacted"]


def test_what_is_no_tenant_or_no_webhook_is_refused(at_home: Winnow):
    at_home("tenants", "set", "carrier-six", "--policy", "strict")
    assert "there is no tenant nobody" in at_home("tenants", "intents", "nobody", "--local-only").stderr
    assert at_home("tenants", "webhook", "carrier-six", "--url", "ftp://a.example").exit_code == 1
    assert "either a URL or --off" in at_home("tenants", "webhook", "carrier-six").stderr
