"""JSON Schemas: of the configuration file, for editors, for the chart, and for the page that users read; and of policies."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from proxy.config.available import NOT_YET, note
from proxy.config.model import Config
from proxy.config.values import PATH_MAX_CHARACTERS, Section

# How the description of a key begins that has no use yet.
UNAVAILABLE = "Not available yet."
DIALECT = GenerateJsonSchema.schema_dialect


class _Untitled(GenerateJsonSchema):
    """Leaves out titles, which would only repeat the keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002 - as it is inherited
        return False


def json_schema() -> dict[str, Any]:
    """Return the schema of what may stand in a file; what must hold between keys, `check` alone can tell."""
    schema = Config.model_json_schema(schema_generator=_Untitled)
    # `load` puts a document in the place of `policy`. In the file it may also be the path of one, or missing.
    policy = schema["properties"]["policy"]
    path = {"type": "string", "minLength": 1, "maxLength": PATH_MAX_CHARACTERS}
    policy |= {"anyOf": [path, {"$ref": policy.pop("$ref")}, {"type": "null"}], "default": None}
    schema["required"].remove("policy")
    # A bucket that gives one of its values keeps the default of the other.
    del schema["$defs"]["Quota"]["required"]
    for pattern, harmless in NOT_YET.items():
        found = at(schema, pattern)
        words = note(harmless).removeprefix("is ")
        found["description"] = f"{words[0].upper()}{words[1:]}. {meaning(schema, found)}".rstrip()
    return {"$schema": DIALECT, "title": "The configuration of cio-sidecar", **schema}


def section_schema(section: type[Section], title: str) -> dict[str, Any]:
    """Return the schema of a section that has a file of its own, such as a policy; `json_schema` says what it cannot tell."""
    return {"$schema": DIALECT} | section.model_json_schema(schema_generator=_Untitled) | {"title": title}


def at(schema: dict[str, Any], pattern: str) -> dict[str, Any]:
    """Return the subschema of the key at `pattern`, whose `*` stands for the items of a list."""
    found = schema
    for key in pattern.split("."):
        for inner in inside(schema, found):
            found = inner["items"] if key == "*" and "items" in inner else inner.get("properties", {}).get(key, found)
    return found


def meaning(schema: dict[str, Any], part: dict[str, Any]) -> str:
    """Return what a key is said to be for: by itself, or else by its section."""
    described = [one["description"] for one in inside(schema, part) if "description" in one]
    return " ".join(described[0].split()) if described else ""


def inside(schema: dict[str, Any], part: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schemas that `part` chooses between, with references followed."""
    chosen = [part, *part.get("anyOf", ()), *part.get("oneOf", ())]
    return [schema["$defs"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one for one in chosen]
