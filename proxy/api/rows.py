"""Builds rows of the endpoint table: the columns that the calls of one API share are written here once."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from proxy.api.model import Bucket, Credential, Endpoint, Identifier, Replay, Upstream

_PARAMETER = re.compile(r"\{(\w+)\}")

# The identifiers of a person and of an object (Track API reference, v2). A merge has no phone.
PERSON = {"id": Identifier.ID, "email": Identifier.EMAIL, "cio_id": Identifier.CIO_ID}
PERSON_V2 = {**PERSON, "phone": Identifier.PHONE}
OBJECT = ("object_type_id", "object_id", "cio_object_id")
# Attributes of a person that Customer.io reads as identifiers, or that clients fill with identifiers.
NAMING = {"id": Identifier.ID, "email": Identifier.EMAIL, "phone": Identifier.PHONE, "anonymous_id": Identifier.ANONYMOUS_ID}
BODILESS = frozenset({"GET", "DELETE"})

Persons = Mapping[str, Identifier]
NOBODY: Persons = MappingProxyType({})


def below(parent: str, keys: Mapping[str, Identifier]) -> dict[str, Identifier]:
    """Return the positions of `keys` below the position `parent`."""
    return {f"{parent}.{key}": kind for key, kind in keys.items()}


def kinds(names: Iterable[str], persons: Persons) -> Persons:
    """Return the kind of each of `names`: the one in `persons`, else `OPAQUE`."""
    return MappingProxyType({name: persons.get(name, Identifier.OPAQUE) for name in names})


def path_kinds(template: str, persons: Persons) -> Persons:
    """Return the kind of each parameter of a path template."""
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
    """Return a row of the App API under `/v1`, for calls other than sends: `query` lists parameter names, separated by spaces.

    `persons` are the parameters of path and query that identify a person. Without `replay`, only a POST is unsafe to repeat,
    because it creates or starts something.
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
