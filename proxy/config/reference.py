"""The configuration as a page for users: `python -m proxy.config.reference > docs/configuration.md`.

A test holds the page to the schema, so it says what the program takes.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from proxy.config.overlay import variable
from proxy.config.schema import UNAVAILABLE, inside, json_schema, meaning
from proxy.credentials.model import Kind

_KINDS = {"string": "text", "boolean": "true or false", "array": "list", "object": "mapping"}

_INTRODUCTION = f"""\
# Configuration

<!-- Made by `python -m proxy.config.reference > docs/configuration.md`; a test fails where this page and the schema differ. -->

One YAML file, named by `--config`, else by `CIO_SIDECAR_CONFIG`, else `sidecar.yaml` in the working directory.
[`config/sidecar.yaml`](../config/sidecar.yaml) holds every key that this version uses,
[`config/minimal.yaml`](../config/minimal.yaml) the fewest. `cio-sidecar check` says what is wrong, one line each:

```
sidecar.yaml:4: outbound.port: must be at most 65535
```

`cio-sidecar config init` writes a file to begin with, and `cio-sidecar config show` prints every value that is in force: of
secrets where they are kept, never what they are. `cio-sidecar config schema` prints the JSON Schema (draft
2020-12), for editors and pipelines. The policy has [a page of its own](policy.md).

* **Unknown keys are refused**, and so is what this version does not do yet. It is marked *not available yet* below, for later.
* **The file is YAML 1.2**, of which JSON is a part: `off`, `no` and `12:30` are text. A key may stand once in a mapping, tags
  are refused, and a file holds at most 1 MiB.
* **Relative paths** are relative to the file they stand in.
* **Numbers carry their unit in their name**: `_seconds` takes fractions, `_bytes` whole numbers.
* **A change is taken while it runs**, on SIGHUP or when a file changes, whole or not at all: [reload.md](reload.md).

## The environment

Every key may also be set in the environment, which wins over the file: `CIO_SIDECAR_`, then the keys in capitals with two
underscores between them. The value is YAML, so lists and mappings are written as JSON:

```
CIO_SIDECAR_REGION=eu
CIO_SIDECAR_OUTBOUND__LIMITS__DEPTH=50
CIO_SIDECAR_OUTBOUND__CALLERS='[{{"name": "billing", "key": "env:BILLING_KEY"}}]'
CIO_SIDECAR_POLICY__MODE=report
```

A variable replaces the whole value of its key; one for a key further inside is applied after it. `POLICY__…` sets keys of the
policy wherever it comes from. Without a file, the environment and the defaults are all there is. A relative path in a
variable is relative to the configuration file, and without one to the working directory.

Of names that begin with `CIO_SIDECAR_` and are no key, these are yours: one that a reference reads (`CIO_SIDECAR_ADMIN_TOKEN`
for `token: "env:CIO_SIDECAR_ADMIN_TOKEN"`), and what Kubernetes sets for a Service. Of the rest, one that is a key but for one
letter or an underscore is refused, with the name that was meant (`CIO_SIDECAR_REGOIN`), and so is one that has two underscores
in a row. Others are warned of in the log and by `check`.

## Secrets

The configuration says where a secret is, never what it is: a *reference*, such as `env:NAME` or `file:PATH`.

| Reference | Where the secret is |
| --- | --- |
| `env:NAME` | In the environment variable `NAME`, or in the file that `NAME_FILE` names. Both set is an error. |
| `file:PATH` | In a file, as Kubernetes and Docker mount them. |
| `{Kind.VAULT}:MOUNT/PATH#FIELD` | In HashiCorp Vault's KV engine, version 1 or 2: [vault.md](vault.md). |
| `{Kind.GCP}:projects/P/secrets/S[/versions/V]` | In Google Cloud Secret Manager: [stores.md](stores.md). |
| `{Kind.AWS_SM}:NAME[#FIELD]`, `{Kind.AWS_SSM}:/NAME` | In AWS Secrets Manager, or Parameter Store: [stores.md](stores.md). |

What `credentials` refers to is read again every `stores.refresh_seconds`, and rotated without a failed call
([rotation.md](rotation.md)); so are callers' keys, the admin token and the policy's hash key ([reload.md](reload.md)). Line
ends at the end of a secret are dropped. What you make up yourself (`outbound.callers`, `admin.token`, the policy's `hash.key`)
should have at least sixteen characters: `openssl rand -hex 32` makes one.
A caller's key holds neither spaces nor colons, is no other caller's, and is not a real key.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One key of the table."""

    path: tuple[str, ...]
    value: str
    default: str
    meaning: str


def page() -> str:
    """Return the page, in Markdown."""
    schema = json_schema()
    sections = {key: _sections(schema, part) for key, part in schema["properties"].items()}
    # A policy may also be a path, and has its own page.
    top = [key for key, found in sections.items() if not found or key == "policy"]
    parts = [_INTRODUCTION, "\n## Top level\n\n", *_table(_rows(schema, schema, (), {}, only=top))]
    for key, found in sections.items():
        if key not in top:
            part = schema["properties"][key]
            parts += [f"\n## `{key}`\n\n{meaning(schema, part)}\n"]
            if not _is_unavailable(part):
                parts += ["\n", *_table(_rows(schema, found[0], (key,), part.get("default") or {}))]
    return "".join(parts)


def _table(rows: Iterator[Row]) -> Iterator[str]:
    yield "| Key, and its variable | Value | Default | Meaning |\n| --- | --- | --- | --- |\n"
    for row in rows:
        # An item of a list has no variable of its own.
        name = "" if "*" in row.path else f"<br>`{variable(row.path)}`"
        yield f"| `{'.'.join(row.path)}`{name} | {row.value} | {row.default} | {row.meaning} |\n"


def _rows(
    schema: dict[str, Any],
    section: dict[str, Any],
    path: tuple[str, ...],
    defaults: Mapping[str, Any],
    only: Collection[str] | None = None,
) -> Iterator[Row]:
    """Find every key in `section`, and in the sections below it that are available."""
    for key, part in section["properties"].items():
        if only is not None and key not in only:
            continue
        default = part.get("default", defaults.get(key))
        value = " or ".join(filter(None, map(_value, inside(schema, part))))
        told = "required" if key in section.get("required", ()) else _plain(default)
        yield Row((*path, key), value, told, meaning(schema, part))
        if only is None and not _is_unavailable(part):
            for one in _sections(schema, part):
                yield from _rows(schema, one, (*path, key), default or {})
            for items in inside(schema, part):
                for one in _sections(schema, items.get("items", {})):
                    yield from _rows(schema, one, (*path, key, "*"), {})


def _sections(schema: dict[str, Any], part: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in inside(schema, part) if "properties" in one]


def _is_unavailable(part: dict[str, Any]) -> bool:
    return str(part.get("description", "")).startswith(UNAVAILABLE)


def _plain(default: Any) -> str:  # noqa: ANN401 - any value of the file
    """Return a default as it would be written in the file; that of a section stands with its keys."""
    if isinstance(default, dict):
        return ""
    return f"`{default}`" if isinstance(default, str) else f"`{json.dumps(default)}`"


def _value(part: dict[str, Any]) -> str:
    """Return what one of the schemas that a key chooses between allows, in words."""
    match part:
        case {"const": value}:
            return f"`{value}`"
        case {"enum": values}:
            return " or ".join(f"`{value}`" for value in values)
        case {"type": "integer" | "number"}:
            return _number(part)
        case {"type": "string", "format": "path"}:
            return "path"
        case {"type": "string", "format": "uri"}:
            return "URL"
        case {"type": "string", "pattern": pattern} if pattern.startswith(f"^({Kind.ENV}|"):
            return "reference"
        case {"type": kind}:
            return _KINDS.get(kind, "null")
        case _:
            return ""


def _number(part: dict[str, Any]) -> str:
    kind = "whole number" if part["type"] == "integer" else "number"
    bounds = [
        f"{words} {part[bound]:,}"
        for bound, words in (("minimum", "at least"), ("exclusiveMinimum", "more than"), ("maximum", "at most"))
        if bound in part
    ]
    return ", ".join([kind, *bounds])


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is this command's output
