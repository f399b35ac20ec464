"""An application that uses a Python SDK: told on standard input what to do, it says on standard output what came of it.

One JSON line each way. It knows nothing of the sidecar or of the tests, and runs under any interpreter that has the SDK, whose
module is its one argument.

* `{"make": CLASS, "args": […], "options": {…}, "set": {…}}` makes a client, and sets attributes of it. The name of the module
  itself, for functions that need no client, sets attributes of that.
* `{"public": CLASS}` asks for the names of its public methods, with those of the objects that its properties are.
* `{"call": "CLASS.METHOD", "args": […], "options": {…}, "settle": METHOD}` calls the client of that class, and if it only
  queues, the method that waits until it has sent.

In arguments, `{"$new": CLASS, "args": […], "options": {…}, "then": [[METHOD, …], …]}` is an object of the SDK, and what JSON
has no word for is `{"$float": "nan"}`, `{"$int": DIGITS}`, `{"$datetime": ISO}`, `{"$bytes": TEXT}`, `{"$decimal": TEXT}`, or
`{"$member": NAME}` for what the SDK itself has a name for. `{"$told": …}` is a function that the SDK reports errors to: what it
is told last counts as raised.
"""

import asyncio
import functools
import importlib
import inspect
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from types import ModuleType
from typing import Any

sdk = importlib.import_module(sys.argv[1])
clients: dict[str, Any] = {}
told: list[Exception] = []
loop = asyncio.Runner()
WORDS: dict[str, Callable[[Any], Any]] = {
    "$float": float,
    "$int": int,
    "$datetime": datetime.fromisoformat,
    "$bytes": str.encode,
    "$decimal": Decimal,
    "$member": lambda path: functools.reduce(getattr, path.split("."), sdk),
    "$told": lambda _: lambda error, *_: told.append(error),
}


def revived(value: Any) -> Any:  # noqa: ANN401  # any JSON value in, whatever the SDK takes out
    """Return an argument as the SDK takes it."""
    if isinstance(value, list):
        return [revived(item) for item in value]
    if not isinstance(value, dict):
        return value
    for word, make in WORDS.items():
        if word in value:
            return make(value[word])
    if "$new" not in value:
        return {key: revived(item) for key, item in value.items()}
    made = getattr(sdk, value["$new"])(*revived(value.get("args", [])), **revived(value.get("options", {})))
    for method, *args in value.get("then", []):
        getattr(made, method)(*args)
    return made


def shown(value: Any) -> Any:  # noqa: ANN401  # whatever the SDK returns
    """Return a result as JSON can hold it."""
    if hasattr(value, "status_code"):
        return {"status": value.status_code, "body": value.text, "headers": dict(value.headers)}
    return value


def public(client: Any) -> Iterator[str]:  # noqa: ANN401  # any client
    """Give the names of all that an application can call."""
    owner = client if isinstance(client, ModuleType) else type(client)
    for name in dir(owner):
        member = getattr(owner, name)
        if name.startswith("_"):
            continue
        if inspect.isfunction(member):
            yield name
        elif isinstance(member, property):
            part = getattr(client, name)
            if type(part).__module__.startswith(sdk.__name__):
                yield from (f"{name}.{method}" for method in public(part))


def awaited(value: Any) -> Any:  # noqa: ANN401  # whatever the SDK returns
    """Return the result of a call, once it is there."""
    return loop.run(value) if inspect.iscoroutine(value) else value


def make(order: dict[str, Any]) -> None:
    """Make a client, or set up the module."""
    name = order["make"]
    is_module = name == sdk.__name__.rpartition(".")[2]
    clients[name] = sdk if is_module else getattr(sdk, name)(*revived(order["args"]), **revived(order.get("options", {})))
    for attribute, value in order.get("set", {}).items():
        setattr(clients[name], attribute, value)


def call(order: dict[str, Any]) -> Any:  # noqa: ANN401  # whatever the SDK returns
    """Make a call, and return what it returned."""
    told.clear()
    name, *path = order["call"].split(".")
    method = functools.reduce(getattr, path, clients[name])
    value = awaited(method(*revived(order["args"]), **revived(order["options"])))
    if order.get("settle"):
        getattr(clients[name], order["settle"])()
    if told:
        raise told[-1]
    return value


def act(order: dict[str, Any]) -> dict[str, Any]:
    """Do what one line says."""
    if "make" in order:
        make(order)
        return {"returned": None}
    if "public" in order:
        return {"returned": list(public(clients[order["public"]]))}
    try:
        return {"returned": shown(call(order))}
    except Exception as error:  # noqa: BLE001  # whatever the SDK raises is what is asked for
        return {"raised": type(error).__name__, "text": str(error), "printed": "".join(traceback.format_exception(error))}


for line in sys.stdin:
    # The standard library is all there is here; what JSON cannot hold is told as text.
    sys.stdout.write(json.dumps(act(json.loads(line)), default=str) + "\n")  # noqa: TID251
    sys.stdout.flush()
