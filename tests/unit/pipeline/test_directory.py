from hypothesis import given
from hypothesis import strategies as st

from pipeline.directory import Changes, Directory, KeyRow, Principal, SubscriberRow, TenantRow, hash_key
from pipeline.routing import Experiment

SCOPES = frozenset({"classify"})


def key(secret: str, *, revoked: bool = False) -> KeyRow:
    return KeyRow(f"key_{secret}", "acme", hash_key(secret), SCOPES, revoked)


def test_a_key_names_its_tenant_and_scopes() -> None:
    directory = Directory().apply(Changes(keys=(key("one"), key("two"))))
    assert directory.authenticate("two") == Principal("acme", "key_two", SCOPES)


def test_unknown_odd_and_revoked_keys_name_nobody() -> None:
    directory = Directory().apply(Changes(keys=(key("one"),)))
    assert directory.authenticate("") is None
    assert directory.authenticate("One") is None
    assert directory.authenticate("\udcff") is None
    assert directory.apply(Changes(keys=(key("one", revoked=True),))).authenticate("one") is None


def test_policy_request_before_subscriber_before_tenant_before_default() -> None:
    directory = Directory().apply(
        Changes(tenants=(TenantRow("acme", "strict"),), subscribers=(SubscriberRow("acme", "+1", "lenient"),))
    )
    assert directory.policy_for("acme", "+1", "moderate") == "moderate"
    assert directory.policy_for("acme", "+1", None) == "lenient"
    assert directory.policy_for("acme", "+2", None) == "strict"
    assert directory.policy_for("acme", "", None) == "strict"
    assert directory.policy_for("rival", "+1", None) == "moderate"


def test_a_policy_can_be_taken_back() -> None:
    directory = Directory().apply(
        Changes(tenants=(TenantRow("acme", "strict"),), subscribers=(SubscriberRow("acme", "+1", "lenient"),))
    )
    directory = directory.apply(
        Changes(tenants=(TenantRow("acme", None),), subscribers=(SubscriberRow("acme", "+1", None),))
    )
    assert directory.policy_for("acme", "+1", None) == "moderate"


def test_experiments_are_replaced_by_task() -> None:
    first = Experiment("spam", {"m/1": 1.0}, "sender", "salt", 1)
    second = Experiment("spam", {"m/1": 1.0, "m/2": 1.0}, "sender", "salt", 2)
    directory = Directory().apply(Changes(experiments=(first,)))
    changed = directory.apply(Changes(experiments=(second,)))
    assert changed.experiment("spam") == second
    assert changed.experiments == (second,)
    assert directory.experiment("spam") == first, "a snapshot never changes"
    assert changed.experiment("otp") is None


def test_an_experiment_that_has_ended_is_none() -> None:
    first = Experiment("spam", {"m/1": 1.0}, "sender", "salt", 1)
    other = Experiment("otp", {"m/2": 1.0}, "sender", "salt", 1)
    running = Directory().apply(Changes(experiments=(first, other)))
    ended = running.apply(Changes(experiments=(Experiment("spam", {}, "sender", "salt", 2),)))
    assert ended.experiment("spam") is None
    assert ended.experiments == (other,)
    again = Experiment("spam", {"m/3": 1.0}, "sender", "salt", 3)
    assert ended.apply(Changes(experiments=(again,))).experiment("spam") == again


rows = st.lists(
    st.builds(SubscriberRow, st.sampled_from("ab"), st.sampled_from("123"), st.sampled_from(["strict", None]))
)


@given(rows, st.integers(0, 20))
def test_rows_may_come_in_any_portions_and_again(all_rows: list[SubscriberRow], cut: int) -> None:
    at_once = Directory().apply(Changes(subscribers=tuple(all_rows)))
    overlapping = (
        Directory().apply(Changes(subscribers=tuple(all_rows[:cut]))).apply(Changes(subscribers=tuple(all_rows)))
    )
    for tenant in "ab":
        for recipient in "123":
            assert at_once.policy_for(tenant, recipient, None) == overlapping.policy_for(tenant, recipient, None)


def test_no_rows_are_no_change() -> None:
    assert not Changes()
    assert Changes(tenants=(TenantRow("acme", None),))
