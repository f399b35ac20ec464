"""How a new key is made at Customer.io, and written to the store it is kept in: text, and literal commands.

Places are the operator's own words from the configuration, quoted for a shell. Where a key goes there is a placeholder: no
command has a key among its arguments, which a shell's history and a process list would keep.
"""

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from proxy.api.model import Credential
from proxy.credentials.model import WHOLE, Kind, Reference
from proxy.credentials.slots import Slot

# What a key is called and where it is made (docs.customer.io, "Manage your API credentials").
MAKING: Mapping[Credential, str] = MappingProxyType(
    {
        Credential.TRACK: (
            "Make a new Track API key for the same workspace at Customer.io: Settings > API credentials > Track API keys.\n"
            "It comes with a site id of its own; the two go together."
        ),
        Credential.APP: (
            "Make a new App API key for the same workspace, with the scopes of the old one, at Customer.io:\n"
            "Settings > API credentials > App API keys. It is shown once."
        ),
        Credential.PIPELINES: (
            "Have a new write key at Customer.io: the settings of the source. A source has one key, so a key that can\n"
            "overlap the old one is that of a second source, connected as the first one is."
        ),
    }
)

Parts = Mapping[str, Reference]


@dataclass(frozen=True, slots=True)
class Write:
    """How a part is written: what, the command there is for it, and what else to know."""

    text: str
    command: str = ""
    note: str = ""


def writing(slot: Slot) -> Iterator[str]:
    """Yield how the new key is written: a text for each place that a part of it is kept in, and what else to know."""
    places: dict[tuple[Kind, str], dict[str, Reference]] = {}
    for name, part in slot.parts.items():
        places.setdefault((part.kind, part.document), {})[name] = part
    writes = [_WRITERS[kind](document, parts) for (kind, document), parts in places.items()]
    for write in writes:
        yield f"{write.text}\n  {write.command}" if write.command else write.text
    yield from dict.fromkeys(write.note for write in writes if write.note)


def _vault(document: str, parts: Parts) -> Write:
    *others, (last, part) = parts.items()
    # One field can be read from standard input; of a pair, that is the key.
    values = [*(f"{other.field}=NEW_{name.upper()}" for name, other in others), f"{part.field}=-"]
    return Write(
        f"In Vault, all in one write; the {_new([last])} comes from standard input (paste it, Enter, Ctrl-D):",
        f"vault kv patch {shlex.quote(document)} {' '.join(map(shlex.quote, values))}",
        "KV version 1 has no patch: there it is `vault kv put`, with every other field of the secret too.",
    )


def _aws_sm(document: str, parts: Parts) -> Write:
    fields = [part.field for part in parts.values()]
    holds = f"the {_new(parts)}" if fields == [WHOLE] else f"JSON: {' and '.join(fields)}, and every other field of the secret"
    return Write(
        f"In AWS Secrets Manager, from a file that holds {holds}:",
        f"aws secretsmanager put-secret-value --secret-id {shlex.quote(document)} --secret-string file://NEW_SECRET",
    )


def _aws_ssm(document: str, parts: Parts) -> Write:
    name = shlex.quote(document)
    return Write(
        f"In AWS Parameter Store, from a file that holds the {_new(parts)}:",
        f"aws ssm put-parameter --overwrite --type SecureString --name {name} --value file://NEW_VALUE",
    )


def _gcp(document: str, parts: Parts) -> Write:
    _, project, _, secret, *version = document.split("/")
    pinned = "A reference that names one version will go on doing so: let it end in the secret's name, and reload."
    return Write(
        f"In Google Secret Manager, the {_new(parts)} from standard input (paste it, Enter, Ctrl-D):",
        f"gcloud secrets versions add {shlex.quote(secret)} --project {shlex.quote(project)} --data-file -",
        pinned if version and version[-1] != "latest" else "",
    )


def _file(document: str, parts: Parts) -> Write:
    path, beside = shlex.quote(document), shlex.quote(f"{document}.new")
    return Write(
        f"In its file, the {_new(parts)} from standard input (paste it, Enter, Ctrl-D), put there whole:",
        f"(umask 077; cat > {beside}) && mv {beside} {path}",
        "Where Kubernetes mounts files, change the Secret instead; the kubelet brings it in a minute or two.",
    )


def _env(document: str, parts: Parts) -> Write:
    return Write(
        f"In the environment, the {_new(parts)}, where {document} is set.",
        note=(
            "A process reads its environment once, so restart the sidecar; one replica after the other costs no call.\n"
            "(What stands in a file that a variable ending in _FILE names is read again by itself.)"
        ),
    )


_WRITERS: Mapping[Kind, Callable[[str, Parts], Write]] = MappingProxyType(
    {
        Kind.ENV: _env,
        Kind.FILE: _file,
        Kind.VAULT: _vault,
        Kind.GCP: _gcp,
        Kind.AWS_SM: _aws_sm,
        Kind.AWS_SSM: _aws_ssm,
    }
)


def _new(names: Iterable[str]) -> str:
    """Return what parts are called in a sentence."""
    return " and ".join(f"new {name.replace('_', ' ').replace('api', 'API')}" for name in names)
