"""The App API calls about people: to read, find, export, import and suppress them.

The paths are those of the official SDKs (customerio-node 5, `dist/lib/api.js`). Filters are expressions of and, or and not at
any depth. If one operand changed, the answer would be about other people, so rules skip a filter as a whole.
"""

from proxy.api.model import Identifier, Replay
from proxy.api.rows import app

_BY_TYPE = {"customer_id": Identifier.BY_ID_TYPE}
_BY_ID = {"customer_id": Identifier.ID}
_MESSAGES = "id_type start limit start_ts end_ts"
_EMAIL = {"email": Identifier.EMAIL}

PEOPLE = (
    app("customer.find", "GET", "/customers", "email", persons=_EMAIL),
    app("customer.search", "POST", "/customers", "start limit", replay=Replay.SAFE, routing=("filter.**",)),
    app("customer.list_attributes", "POST", "/customers/attributes", replay=Replay.SAFE, identifiers={"ids[]": Identifier.ID}),
    app("customer.attributes", "GET", "/customers/{customer_id}/attributes", "id_type", persons=_BY_TYPE),
    app("customer.activities", "GET", "/customers/{customer_id}/activities", "id_type start limit type name", persons=_BY_TYPE),
    app("customer.messages", "GET", "/customers/{customer_id}/messages", _MESSAGES, persons=_BY_TYPE),
    app("customer.relationships", "GET", "/customers/{customer_id}/relationships", "start limit", persons=_BY_ID),
    app("customer.segments", "GET", "/customers/{customer_id}/segments", "id_type", persons=_BY_TYPE),
    app(
        "customer.subscription_preferences",
        "GET",
        "/customers/{customer_id}/subscription_preferences",
        "id_type language",
        persons=_BY_TYPE,
    ),
    app("customer.optouts", "GET", "/customers/{customer_id}/optouts", "id_type", persons=_BY_TYPE),
    app(
        "customer.optouts.update",
        "PUT",
        "/customers/{customer_id}/optouts",
        "id_type",
        persons=_BY_TYPE,
        routing=("optouts[].from",),
    ),
    app("optout.list", "GET", "/optouts", "from start limit"),
    app("activity.list", "GET", "/activities", "start limit type name deleted customer_id id_type", persons=_BY_TYPE),
    app("object.attributes", "GET", "/objects/{object_type_id}/{object_id}/attributes", "id_type"),
    app("object.relationships", "GET", "/objects/{object_type_id}/{object_id}/relationships", "id_type start limit"),
    app("object.search", "POST", "/objects", "start limit", replay=Replay.SAFE, routing=("object_type_id", "filter.**")),
    app("object.types", "GET", "/object_types"),
    app("segment.list", "GET", "/segments"),
    app("segment.create", "POST", "/segments"),
    app("segment.get", "GET", "/segments/{segment_id}"),
    app("segment.delete", "DELETE", "/segments/{segment_id}"),
    app("segment.customer_count", "GET", "/segments/{segment_id}/customer_count"),
    app("segment.membership", "GET", "/segments/{segment_id}/membership", "start limit"),
    app("segment.used_by", "GET", "/segments/{segment_id}/used_by"),
    app("subscription.topics", "GET", "/subscription_topics"),
    app("subscription.channels", "GET", "/subscription_channels"),
    app("subscription.center_token", "GET", "/subscription_center/{customer_id}/token", persons=_BY_ID),
    app("export.list", "GET", "/exports"),
    app("export.get", "GET", "/exports/{export_id}"),
    app("export.download", "GET", "/exports/{export_id}/download"),
    app("export.customers", "POST", "/exports/customers", routing=("filters.**",)),
    app("export.deliveries", "POST", "/exports/deliveries", routing=("newsletter_id",)),
    app("import.create", "POST", "/imports", routing=("import.data_file_url", "import.type", "import.identifier")),
    app("import.get", "GET", "/imports/{import_id}"),
    app("suppression.search", "GET", "/esp/search_suppression/{email}", persons=_EMAIL),
    app("suppression.list", "GET", "/esp/suppression/{suppression_type}", "limit offset email domain", persons=_EMAIL),
    app(
        "suppression.list_by_domain",
        "GET",
        "/esp/domains/{domain}/suppression/{suppression_type}",
        "limit email start",
        persons=_EMAIL,
    ),
    app(
        "suppression.create",
        "POST",
        "/esp/suppression/{suppression_type}/{email}",
        persons=_EMAIL,
        replay=Replay.SAFE,
        bodiless=True,
    ),
    app("suppression.delete", "DELETE", "/esp/suppression/{suppression_type}/{email}", persons=_EMAIL),
)
