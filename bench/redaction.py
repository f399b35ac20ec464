"""The sidecar's own policy code, for the peers that are written in Python: what is measured is what stands around it."""

from collections.abc import Callable

import orjson
import yaml

from bench import work
from proxy.api.endpoints import ENDPOINTS
from proxy.api.match import Table
from proxy.policy.compile import Policy, compile_policy
from proxy.policy.model import PolicyDocument
from proxy.sensitive import Sensitive


def policy(name: str) -> Policy:
    """Compile the policy of that name in `work.POLICIES`."""
    document = PolicyDocument.model_validate(yaml.safe_load(work.POLICIES[name]))
    return compile_policy(document, ENDPOINTS, Sensitive(work.ENVIRONMENT["BENCH_PEPPER"].encode()))


def redaction() -> Callable[[str, bytes, bytes], tuple[str, bytes]]:
    """Return a function from a call's method, target and body to the target and the body that may leave."""
    rules, table = policy("sidecar"), Table(ENDPOINTS)

    def redacted(method: str, target: bytes, body: bytes) -> tuple[str, bytes]:
        match = table.match(method, target)
        value, _ = rules.for_endpoint(match.endpoint.name).apply(orjson.loads(body))
        return match.target.decode(), orjson.dumps(value)

    return redacted
