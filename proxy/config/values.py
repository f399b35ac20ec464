"""The words the configuration is written in: sections, and the values with a rule of their own.

A value that cannot be meant is refused here, so that no other module has to ask again. No message shows the value.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    SerializationInfo,
    Strict,
    ValidationInfo,
)
from pydantic.json_schema import WithJsonSchema

from proxy.credentials.model import NOT_A_REFERENCE, Kind, Reference

# Where a value stands: keys, and positions in lists.
KeyPath = tuple[str | int, ...]

HOST_MAX_CHARACTERS = 253
PATH_MAX_CHARACTERS = 4096
# The key of pydantic's validation context under which the folder of the file being read is found.
FOLDER = "folder"
# The key of pydantic's serialization context under which references are written out.
SHOWN = "shown"

_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*\.?")


class Section(BaseModel):
    """A mapping of the configuration: frozen, strict about types, and closed to keys it does not know."""

    PAGE: ClassVar[str] = "docs/configuration.md"
    """Says what may stand in it, where it has a file of its own."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def is_loopback(host: str) -> bool:
    """Tell whether `host` can only mean this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def host_name(text: str) -> str:
    """Return `text`, which is a host name or an IP address.

    Raises:
        ValueError: it is neither.
    """
    try:
        ipaddress.ip_address(text)
    except ValueError:
        # A dotted name that ends in digits is a mistyped address (WHATWG URL standard, "ends in a number").
        last = text.rstrip(".").rpartition(".")[2]
        if len(text) > HOST_MAX_CHARACTERS or not _HOST_NAME.fullmatch(text) or last.isdigit():
            raise ValueError("must be a host name or an IP address, without a port") from None
    return text


def local_path(value: object, folder: Path) -> Path:
    """Return the path that `value` spells, relative to `folder`.

    Raises:
        ValueError: it spells none.
    """
    if not isinstance(value, str) or not value or len(value) > PATH_MAX_CHARACTERS or not value.isprintable():
        raise ValueError("must be the path of a file")
    return folder / value


def _folder(info: ValidationInfo) -> Path:
    folder = info.context.get(FOLDER) if isinstance(info.context, Mapping) else None
    return folder if isinstance(folder, Path) else Path()


def _path(value: object, info: ValidationInfo) -> Path:
    return value if isinstance(value, Path) else local_path(value, _folder(info))


def _reference(value: object, info: ValidationInfo) -> Reference:
    if isinstance(value, Reference):
        return value
    reference = Reference.parse(value)
    if reference.kind is Kind.FILE:
        return Reference(Kind.FILE, str(_folder(info) / reference.locator))
    return reference


def _written(reference: Reference, info: SerializationInfo) -> str:
    return reference.shown if isinstance(info.context, Mapping) and info.context.get(SHOWN) else f"{reference.kind}:…"


Port = Annotated[int, Field(ge=0, le=65535)]
Host = Annotated[str, AfterValidator(host_name)]
# The name of something an operator made up, fit for a log line.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
# YAML has lists where the frozen model has tuples.
FROM_LIST = Strict(strict=False)
# Relative paths are relative to the file they stand in.
LocalPath = Annotated[Path, PlainValidator(_path), PlainSerializer(str), WithJsonSchema({"type": "string", "format": "path"})]
SecretReference = Annotated[
    Reference,
    PlainValidator(_reference),
    PlainSerializer(_written),
    WithJsonSchema({"type": "string", "pattern": f"^({'|'.join(Kind)}):.+$", "description": f"It {NOT_A_REFERENCE}."}),
]


def references(value: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Reference]]:
    """Find every secret reference in a section, with its key path."""
    match value:
        case Reference():
            yield path, value
        case Section():
            for key in type(value).model_fields:
                yield from references(getattr(value, key), (*path, key))
        case tuple():
            for index, item in enumerate(value):
                yield from references(item, (*path, index))
