"""What workflows call and what activities implement is the same, by name and by type, both ways."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest
from temporalio import activity

import activities
from activities.base import oms_activity
from activities.bootstrap import activities_of
from infra.security.crypto import Vault
from infra.settings import Settings
from workflows import ports

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def classes() -> list[type[Any]]:
    """Every class of activities/ that has an activity."""
    modules = [
        importlib.import_module(found.name) for found in pkgutil.walk_packages(activities.__path__, "activities.")
    ]
    own = [cls for module in modules for _, cls in inspect.getmembers(module, inspect.isclass)
           if cls.__module__ == module.__name__]  # fmt: skip
    return [cls for cls in own if activities_of(cls)]


def definition(implementation: Callable[..., Any]) -> activity._Definition:
    return activity._Definition.must_from_callable(implementation)


def implemented() -> dict[str, Callable[..., Any]]:
    found = [method for cls in classes() for method in activities_of(cls)]
    by_name = {str(definition(method).name): method for method in found}
    assert len(by_name) == len(found), "two activities share a name"
    return by_name


IMPLEMENTED = implemented()


def test_every_port_is_implemented_and_every_activity_is_called() -> None:
    assert set(ports.ALL) == set(IMPLEMENTED)
    assert len(ports.ALL) > 15


@pytest.mark.parametrize("name", sorted(ports.ALL))
def test_a_port_and_its_activity_take_and_give_the_same(name: str) -> None:
    port, known = ports.ALL[name], definition(IMPLEMENTED[name])
    signature = inspect.signature(IMPLEMENTED[name])
    assert next(iter(signature.parameters)) == "self"
    assert len(signature.parameters) == 2
    assert known.arg_types == [port.takes]
    assert known.ret_type is port.gives


@pytest.mark.parametrize("name", sorted(ports.ALL))
def test_what_crosses_is_frozen(name: str) -> None:
    """A value that is a dataclass of its own, never a bare text or number: it can grow fields."""
    for kind in (ports.ALL[name].takes, ports.ALL[name].gives):
        assert kind.__module__ == "workflows.payloads"
        assert kind.__dataclass_params__.frozen


def test_a_worker_registers_all_of_them() -> None:
    """On instances, as `wiring.build` makes them: a property or a nested attribute would hide a method."""
    settings = Settings(master_key=KEY, sandbox_webhook_secret="whsec_" + KEY)
    nothing: Any = None
    vault = Vault.from_settings(settings)
    made = {"database": nothing, "settings": settings, "vault": vault, "client": nothing, "gateways": {},
            "carriers": {}, "default": "sandbox", "calls": nothing, "payments": nothing, "again_s": 1,
            "capture": "order"}  # fmt: skip
    holders = [cls(**{name: made[name] for name in inspect.signature(cls).parameters}) for cls in classes()]
    registered = [method for holder in holders for method in activities_of(holder)]
    assert {definition(method).name for method in registered} == set(ports.ALL)
    assert all(inspect.ismethod(method) for method in registered)


async def test_another_type_would_be_noticed() -> None:
    class Wrong:
        @oms_activity("load_order")
        async def load_order(self, number: int) -> str:
            return str(number)

    known = definition(Wrong.load_order)
    assert (known.name, known.arg_types, known.ret_type) == ("load_order", [int], str)
