"""The page about the configuration."""

from proxy.config.overlay import variable
from proxy.config.reference import page
from proxy.config.schema import json_schema
from tests.needs import ROOT


def test_the_page_is_what_the_schema_says() -> None:
    """The page in the repository is the one that would be made now."""
    assert (ROOT / "docs" / "configuration.md").read_text() == page(), (
        "make it anew: python -m proxy.config.reference > docs/configuration.md"
    )


def test_every_key_of_every_section_in_use_is_there() -> None:
    """With its variable, its default and what it is for."""
    rows = [line for line in page().splitlines() if line.startswith("| `") and "<br>" in line]
    text = "\n".join(rows)
    for path in (
        ("region",),
        ("policy",),
        ("outbound", "limits", "head_bytes"),
        ("outbound", "tls", "certificate"),
        ("credentials", "track", "site_id"),
        ("limits", "buckets", "broadcast", "rate_per_second"),
        ("delivery", "timeouts", "total_seconds"),
        ("logs", "format"),
    ):
        assert f"| `{'.'.join(path)}`<br>`{variable(path)}` |" in text
    assert "| `outbound.port`<br>`CIO_SIDECAR_OUTBOUND__PORT` | whole number, at least 0, at most 65,535 | `8080` |" in text
    assert "| `limits.buckets.broadcast.rate_per_second`<br>" in text
    assert " | `0.1` | " in text
    assert all(line.rstrip(" |").rsplit("|", 1)[1].strip() for line in rows), "a key says nothing about itself"
    assert {line.split("`")[1].split(".")[0] for line in rows} | {"erasure"} == set(json_schema()["properties"])
