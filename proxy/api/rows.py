"""How rows of the endpoint table are written: what the calls of one API share is said once, here."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from proxy.api.model import Bucket, Credential, Endpoint, Identifier, Replay, Upstream

_PARAMETER = re.compile(r"\{(\w+)\}")

# A person as Customer.io's calls name one, and an object (customerio-api.md 1.4).
PERSON = {"id": Identifier.ID, "email": Identifier.EMAIL, "cio_id": Identifier.CIO_ID}
PERSON_V2 = {**PERSON, "phone": Identifier.PHONE}
OBJECT = ("object_type_id", "object_id", "cio_object_id")
# Attributes of a person that Customer.io takes for identifiers, or that clients fill with them (customerio-api.md 10.3).
NAMING = {"id": Identifier.ID, "email": Identifier.EMAIL, "phone": Identifier.PHONE, "anonymous_id": Identifier.ANONYMOUS_ID}
BODILESS = frozenset({"GET", "DELETE"})

Persons = Mapping[str, Identifier]
NOBODY: Persons = MappingProxyType({})


def below(parent: str, keys: Mapping[str, Identifier]) -> dict[str, Identifier]:
    """Return the positions of `keys` below the position `parent`."""
    return {f"{parent}.{key}": kind for key, kind in keys.items()}


def kinds(names: Iterable[str], persons: Persons) -> Persons:
    """Return what each of `names` holds: what `persons` says, else nothing that names a person."""
    return MappingProxyType({name: persons.get(name, Identifier.OPAQUE) for name in names})


def path_kinds(template: str, persons: Persons) -> Persons:
    """Return what each parameter of a path template holds."""
    return kinds(_PARAMETER.findall(template), persons)


def app(
    name: str,
    method: str,
    path: str,
    query: str = "",
    *,
    persons: Persons = NOBODY,
    replay: Replay | None = None,
    routing: tuple[str, ...] = (),
    identifiers: Persons = NOBODY,
    bodiless: bool = False,
    sending: frozenset[str] = frozenset(),
) -> Endpoint:
    """Write a row of the App API under `/v1`, other than a send: `query` lists parameter names, separated by spaces.

    `persons` says which parameters of path and query name a person. Without `replay`, only a POST is unsafe to repeat: it
    creates or starts something.
    """
    return Endpoint(
        name=f"app.v1.{name}",
        method=method,
        path=f"/v1{path}",
        upstream=Upstream.APP,
        credential=Credential.APP,
        bucket=Bucket.APP,
        replay=replay or (Replay.NEVER if method == "POST" else Replay.SAFE),
        path_ids=path_kinds(path, persons),
        query=kinds(query.split(), persons),
        identifiers=MappingProxyType(dict(identifiers)),
        routing=routing,
        bodiless=bodiless or method in BODILESS,
        sending=sending,
    )
