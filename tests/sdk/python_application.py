"""An application that uses a Python SDK: told on standard input what to do, it says on standard output what came of it.

One JSON line each way. It knows nothing of the sidecar or of the tests, and runs under any interpreter that has the SDK, whose
module is its one argument.

* `{"make": CLASS, "args": […], "options": {…}, "set": {…}}` makes a client, and sets attributes of it.
* `{"public": CLASS}` asks for the names of its public methods.
* `{"call": "CLASS.METHOD", "args": […], "options": {…}}` calls the client of that class.

In arguments, `{"$new": CLASS, "args": […], "options": {…}, "then": [[METHOD, …], …]}` is an object of the SDK.
"""

import importlib
import inspect
import json
import sys
import traceback
from typing import Any

sdk = importlib.import_module(sys.argv[1])
clients: dict[str, Any] = {}


def revived(value: Any) -> Any:  # noqa: ANN401  # any JSON value in, whatever the SDK takes out
    """Return an argument as the SDK takes it."""
    if isinstance(value, list):
        return [revived(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$new" not in value:
        return {key: revived(item) for key, item in value.items()}
    made = getattr(sdk, value["$new"])(*value.get("args", []), **value.get("options", {}))
    for method, *args in value.get("then", []):
        getattr(made, method)(*args)
    return made


def shown(value: Any) -> Any:  # noqa: ANN401  # whatever the SDK returns
    """Return a result as JSON can hold it."""
    if hasattr(value, "status_code"):
        return {"status": value.status_code, "body": value.text, "headers": dict(value.headers)}
    return value


def act(order: dict[str, Any]) -> dict[str, Any]:
    """Do what one line says."""
    args, options = revived(order.get("args", [])), revived(order.get("options", {}))
    if "make" in order:
        client = clients[order["make"]] = getattr(sdk, order["make"])(*args, **options)
        for name, value in order.get("set", {}).items():
            setattr(client, name, value)
        return {"returned": None}
    if "public" in order:
        methods = inspect.getmembers(getattr(sdk, order["public"]), inspect.isfunction)
        return {"returned": [name for name, _ in methods if not name.startswith("_")]}
    client, method = order["call"].split(".")
    try:
        return {"returned": shown(getattr(clients[client], method)(*args, **options))}
    except Exception as error:  # noqa: BLE001  # whatever the SDK raises is what is asked for
        return {"raised": type(error).__name__, "text": str(error), "printed": "".join(traceback.format_exception(error))}


for line in sys.stdin:
    sys.stdout.write(json.dumps(act(json.loads(line))) + "\n")  # noqa: TID251  # the standard library is all there is here
    sys.stdout.flush()
