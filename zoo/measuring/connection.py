"""The connection to a Ray cluster."""

from __future__ import annotations

import os
import signal
import socket
from typing import Any

from zoo.errors import ZooError, missing

OF_RAY = ("auto", "local")
"""Addresses that Ray finds out itself."""
CONNECT_SECONDS = 5.0
PASSED_ON = ("ZOO_", "KERAS_HOME")
"""How the names of environment variables begin that the nodes get too."""


def connected(address: str) -> Any:
    """The module ray, connected to the cluster at an address.

    Raises:
        ZooError: Ray is not installed, or no cluster answers there.
    """
    require_cluster(address)
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # no GPU asked for: the variables stay as they are
    import ray

    handler = signal.getsignal(signal.SIGTERM)  # Ray sets one of its own
    passed_on = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR", runtime_env={"env_vars": passed_on})
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ZooError(f"no Ray cluster answers at {address!r}: {first}") from error
    signal.signal(signal.SIGTERM, handler)
    return ray


def require_cluster(address: str) -> None:
    """Refuse an address at which nothing listens, within seconds: Ray itself tries for minutes.

    Raises:
        ZooError: Ray is not installed, it is no address, or nothing answers there.
    """
    if absent := missing("ray"):
        raise ZooError(absent)
    if address in OF_RAY:
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdigit()):
        raise ZooError(f"{address!r} is no address of a Ray cluster: auto, HOST:6379 and ray://HOST:10001 are")
    try:
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ZooError(f"no Ray cluster answers at {address!r}: {error}") from None
