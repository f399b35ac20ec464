"""The App API's campaigns, newsletters, designs, assets and the like: uploads are real uploads, writes name what they need."""

import pytest

from proxy.simulator.model import Json, Received
from tests.unit.simulator.calls import ROWS, ask, call, well_formed

UPLOAD = well_formed(ROWS["app.assets.create"])


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("application/json", b"{}", "body must be multipart/form-data"),
        ("multipart/form-data", UPLOAD.body, "file is required"),
        ("multipart/form-data; boundary=other", UPLOAD.body, "file is required"),
        ("multipart/form-data; boundary=b", UPLOAD.body.replace(b'"file"', b'"name"'), "file is required"),
        ("multipart/form-data; boundary=b", b"", "file is required"),
    ],
)
def test_an_upload_without_a_file_is_a_400(content_type: str, body: bytes, message: str) -> None:
    """An asset comes as a form with a part named `file`; anything else is told."""
    headers = (*(header for header in UPLOAD.headers if header[0] != "Content-Type"), ("Content-Type", content_type))
    answer = ask(Received("POST", UPLOAD.target, headers, body))
    assert answer.status == 400
    assert answer.json == {"errors": [{"detail": message, "status": "400"}]}


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("app.design.folders.create", {}, "name is required"),
        ("app.design.emails.create", {}, "name is required"),
        ("app.design.translations.create", {}, "language is required"),
        ("app.design.components.create", {"name": "Header"}, "tag is required"),
        ("app.asset_folders.create", {}, "name is required"),
        ("app.collections.create", {"data": []}, "name is required"),
        ("app.collections.content.update", {}, "body must be an array"),
        ("app.collections.content.update", [5], "must be a JSON object"),
        ("app.webhooks.create", {}, "endpoint is required"),
        ("app.snippets.create", {"name": "footer"}, "value is required"),
        ("app.snippets.update", {"value": "x"}, "name is required"),
        ("app.newsletter.send", [], "must be a JSON object"),
    ],
)
def test_a_write_without_what_it_needs_is_a_400(name: str, body: Json, message: str) -> None:
    """What the SDK insists on, the simulator does too."""
    answer = call(name, body)
    assert answer.status == 400
    assert message in str(answer.json)
