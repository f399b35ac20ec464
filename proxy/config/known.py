"""The fields that an inventory knows already, from a file that `cio-sidecar policy inventory --json` wrote."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from proxy.credentials.file import reason
from proxy.errors import ConfigError

KNOWN_MAX_BYTES = 16 * 1024 * 1024
_PATH = "policy.inventory.known"


class _Field(BaseModel):
    endpoint: str
    path: str


class _File(BaseModel):
    fields: tuple[_Field, ...]


def known_fields(file: Path) -> frozenset[tuple[str, str]]:
    """Return endpoint and path of every field in `file`.

    Raises:
        ConfigError: it cannot be read, or is no inventory.
    """
    try:
        with file.open("rb") as stream:
            text = stream.read(KNOWN_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{file}: {reason(error)}", path=_PATH) from None
    if len(text) > KNOWN_MAX_BYTES:
        raise ConfigError(f"{file}: is longer than {KNOWN_MAX_BYTES} bytes", path=_PATH)
    try:
        found = _File.model_validate_json(text)
    except ValidationError:
        raise ConfigError(f"{file}: is no inventory; `cio-sidecar policy inventory --json` writes one", path=_PATH) from None
    return frozenset((field.endpoint, field.path) for field in found.fields)
