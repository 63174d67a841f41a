"""Agent Lightning's gateway inside this process: its modules, its application, its global store."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

PACKAGE = "agentlightning"
BASE_URL = "http://testserver"
MODEL = "recorded"


@dataclass(frozen=True, slots=True)
class Package:
    """The parts of Agent Lightning that the smoke drives."""

    app: Any
    store: Any
    hooks: Any
    manager: Any
    http: Any
    test_client: Any


def load_package(load: Callable[[str], Any]) -> Package:
    """Import the parts; ``ModuleNotFoundError`` names the one that is absent."""
    with warnings.catch_warnings():
        # The web framework announces on import which client it will prefer one day.
        warnings.simplefilter("ignore")
        return Package(
            app=load(f"{PACKAGE}.server.app"),
            store=load(f"{PACKAGE}.server.store"),
            hooks=load(f"{PACKAGE}.hooks"),
            manager=load(f"{PACKAGE}.verl.agl_rollout_manager"),
            http=load("httpx"),
            test_client=load("fastapi.testclient"),
        )


@contextlib.contextmanager
def open_gateway(package: Package, key: str) -> Iterator[Any]:
    """A client of a running application that asks for ``key``; no port is opened."""
    proxy = {"model_name": MODEL, "train": {"temperature": 1.0}, "val": {"temperature": 0.0}}
    app = package.app.create_app({"key": key, "default_proxy": proxy})
    with package.test_client.TestClient(app, base_url=BASE_URL) as client:
        yield client


def refuses_strangers(gateway: Any) -> bool:
    """Whether reading and writing without the key, or with a wrong one, are answered by 401."""
    answers = (
        gateway.get("/api/rollouts", params={"state_in": "queuing"}),
        gateway.post("/api/rollouts", json=[]),
        gateway.get("/api/rollouts", headers={"Authorization": "Bearer wrong"}),
    )
    return all(answer.status_code == 401 for answer in answers)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the library's prints off the streams that carry the command's own output."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


@contextlib.contextmanager
def empty_store(package: Package) -> Iterator[None]:
    """The store is global to the process: nothing is in it before, and nothing stays."""
    store = package.store
    # The library offers no way to empty it.
    parts = (store._rollouts, store._events, store._models, store._terminal_order)  # noqa: SLF001
    for part in parts:
        part.clear()
    try:
        yield
    finally:
        for part in parts:
            part.clear()
