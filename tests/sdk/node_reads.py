"""Every public method of the Node SDK's `APIClient` that does not write to people, as a table.

Each with the method, its arguments, what arrives, and for a call with a body that body. What it returns is whatever it
returns without the sidecar.
"""

from typing import Any
from unittest.mock import ANY

from tests.sdk.arrivals import Arrival, Call, Json

_PAGE = {"start": "s", "limit": 1}
_STEPS = {"period": "days", "steps": 1}
_LINKS = {**_STEPS, "unique": True}
_V2 = {"version": 2, "res": "days", "tz": "UTC", "start": 1, "end": 3, **_STEPS}
_BETWEEN = {"start_ts": 1, "end_ts": 2}
_DELIVERIES = {**_PAGE, "metric": "sent", **_BETWEEN, "get_tracked_responses": True}
_FOLDER = {"parentFolderId": "p", "directDescendantsOnly": True, "page": 1, "limit": 1}
_STUDIO = {
    **_FOLDER, "sortBy": "name", "sortOrder": "asc", "createdBefore": 1, "createdAfter": 2, "updatedBefore": 3,
    "updatedAfter": 4,
}  # fmt: skip
_ALL_MESSAGES = {
    **_PAGE, "drafts": False, "metric": "sent", "type": "email", "campaign_id": 1, "action_id": 2, "newsletter_id": 3,
    "transactional_id": 4, "trigger_id": 5, "template_id": 6, "content_id": 7, **_BETWEEN, "associations": True,
    "get_tracked_responses": True,
}  # fmt: skip

# The same as they arrive.
PAGE = "start=s&limit=1"
STEPS = "period=days&steps=1"
LINKS = f"{STEPS}&unique=true"
V2 = f"version=2&res=days&tz=UTC&start=1&end=3&{STEPS}"
BETWEEN = "start_ts=1&end_ts=2"
DELIVERIES = f"{PAGE}&metric=sent&{BETWEEN}&get_tracked_responses=true"
FOLDER = "parent_folder_id=p&direct_descendants_only=true&page=1&limit=1"
STUDIO = f"{FOLDER}&sort_by=name&sort_order=asc&created_before=1&created_after=2&updated_before=3&updated_after=4"
ALL_MESSAGES = (
    f"{PAGE}&drafts=false&metric=sent&type=email&campaign_id=1&action_id=2&newsletter_id=3&transactional_id=4&trigger_id=5"
    f"&template_id=6&content_id=7&{BETWEEN}&associations=true&get_tracked_responses=true"
)

ADA = "a+b@ex.com"  # arrives as
A = "a%2Bb%40ex.com"
C = f"/v1/customers/{A}"
_EMAIL = {"idType": "email"}
BY = "id_type=email"
_BODY = {"subject": "Hello"}
_SEGMENT = {"segment": {"id": 7}}

_PEOPLE: tuple[tuple[Any, ...], ...] = (
    ("getCustomersByEmail", [ADA], f"GET /v1/customers?email={A}"),
    ("searchCustomers", [_SEGMENT, _PAGE], f"POST /v1/customers?{PAGE}", {"filter": _SEGMENT}),
    ("getCustomersAttributes", [["5", "6"]], "POST /v1/customers/attributes", {"ids": ["5", "6"]}),
    ("getAttributes", [ADA, "email"], f"GET {C}/attributes?{BY}"),
    (
        "getCustomerActivities",
        [ADA, {**_EMAIL, **_PAGE, "type": "event", "name": "n"}],
        f"GET {C}/activities?{BY}&{PAGE}&type=event&name=n",
    ),
    ("getCustomerMessages", [ADA, {**_EMAIL, **_PAGE, **_BETWEEN}], f"GET {C}/messages?{BY}&{PAGE}&{BETWEEN}"),
    ("getCustomerRelationships", [ADA, _PAGE], f"GET {C}/relationships?{PAGE}"),
    ("getCustomerSegments", [ADA, "email"], f"GET {C}/segments?{BY}"),
    (
        "getCustomerSubscriptionPreferences",
        [ADA, {**_EMAIL, "language": "fr"}],
        f"GET {C}/subscription_preferences?{BY}&language=fr",
    ),
    (
        "listActivities",
        [{**_PAGE, "type": "event", "name": "n", "deleted": False, "customerId": "c/1", "idType": "id"}],
        f"GET /v1/activities?{PAGE}&type=event&name=n&deleted=false&customer_id=c%2F1&id_type=id",
    ),
    ("getObjectAttributes", [1, "o/1", "object_id"], "GET /v1/objects/1/o%2F1/attributes?id_type=object_id"),
    (
        "getObjectRelationships",
        [1, "o/1", {"idType": "object_id", **_PAGE}],
        f"GET /v1/objects/1/o%2F1/relationships?id_type=object_id&{PAGE}",
    ),
    ("findObjects", [1, {"and": []}, _PAGE], f"POST /v1/objects?{PAGE}", {"object_type_id": 1, "filter": {"and": []}}),
    ("listObjectTypes", [], "GET /v1/object_types"),
    ("listSegments", [], "GET /v1/segments"),
    ("createSegment", [{"name": "Regulars"}], "POST /v1/segments", {"segment": {"name": "Regulars"}}),
    ("getSegment", [7], "GET /v1/segments/7"),
    ("deleteSegment", [7], "DELETE /v1/segments/7"),
    ("getSegmentCustomerCount", [7], "GET /v1/segments/7/customer_count"),
    ("getSegmentMembership", [7, _PAGE], f"GET /v1/segments/7/membership?{PAGE}"),
    ("getSegmentUsedBy", [7], "GET /v1/segments/7/used_by"),
    ("listSubscriptionTopics", [], "GET /v1/subscription_topics"),
    ("listSubscriptionChannels", [], "GET /v1/subscription_channels"),
    ("getSubscriptionCenterToken", [ADA], f"GET /v1/subscription_center/{A}/token"),
    ("listExports", [], "GET /v1/exports"),
    ("getExport", [3], "GET /v1/exports/3"),
    ("downloadExport", [3], "GET /v1/exports/3/download"),
    ("createCustomersExport", [_SEGMENT], "POST /v1/exports/customers", {"filters": _SEGMENT}),
    (
        "createDeliveriesExport",
        [2, {"metric": "opened"}],
        "POST /v1/exports/deliveries",
        {"newsletter_id": 2, "metric": "opened"},
    ),
    (
        "createImport",
        [{"data_file_url": "https://files.example/p.csv", "type": "people"}],
        "POST /v1/imports",
        {"import": {"data_file_url": "https://files.example/p.csv", "type": "people"}},
    ),
    ("getImport", [2], "GET /v1/imports/2"),
    ("searchSuppression", [ADA], f"GET /v1/esp/search_suppression/{A}"),
    (
        "getSuppressions",
        ["bounces", {"limit": 1, "offset": 2, "email": ADA, "domain": "d.e"}],
        f"GET /v1/esp/suppression/bounces?limit=1&offset=2&email={A}&domain=d.e",
    ),
    (
        "getDomainSuppressions",
        ["d.e", "bounces", {"limit": 1, "email": ADA, "start": "s"}],
        f"GET /v1/esp/domains/d.e/suppression/bounces?limit=1&email={A}&start=s",
    ),
    ("createSuppression", ["bounces", ADA], f"POST /v1/esp/suppression/bounces/{A}", {}),
    ("deleteSuppression", ["bounces", ADA], f"DELETE /v1/esp/suppression/bounces/{A}"),
)

_CAMPAIGNS: tuple[tuple[Any, ...], ...] = (
    ("listCampaigns", [], "GET /v1/campaigns"),
    ("getCampaign", [1], "GET /v1/campaigns/1"),
    ("getCampaignActions", [1, {"start": "s"}], "GET /v1/campaigns/1/actions?start=s"),
    ("getCampaignAction", [1, 4], "GET /v1/campaigns/1/actions/4"),
    ("updateCampaignAction", [1, 4, _BODY], "PUT /v1/campaigns/1/actions/4", _BODY),
    ("getCampaignActionLanguage", [1, 4, "fr"], "GET /v1/campaigns/1/actions/4/language/fr"),
    ("updateCampaignActionLanguage", [1, 4, "fr", _BODY], "PUT /v1/campaigns/1/actions/4/language/fr", _BODY),
    ("getCampaignActionMetrics", [1, 4, _V2], f"GET /v1/campaigns/1/actions/4/metrics?{V2}"),
    ("getCampaignActionMetricsLinks", [1, 4, _LINKS], f"GET /v1/campaigns/1/actions/4/metrics/links?{LINKS}"),
    ("getCampaignMetrics", [1, {**_V2, "type": "email"}], f"GET /v1/campaigns/1/metrics?{V2}&type=email"),
    ("getCampaignMetricsLinks", [1, _LINKS], f"GET /v1/campaigns/1/metrics/links?{LINKS}"),
    (
        "getCampaignJourneyMetrics",
        [1, {"start": 1, "end": 3, "res": "days"}],
        "GET /v1/campaigns/1/journey_metrics?start=1&end=3&resolution=days",
    ),
    (
        "getCampaignMessages",
        [1, {**_DELIVERIES, "type": "email", "drafts": False}],
        f"GET /v1/campaigns/1/messages?{DELIVERIES}&type=email&drafts=false",
    ),
    ("getBroadcastTriggerStatus", [2, 3], "GET /v1/campaigns/2/triggers/3"),
    ("getBroadcastTriggerErrors", [2, 3, _PAGE], f"GET /v1/campaigns/2/triggers/3/errors?{PAGE}"),
    ("listBroadcasts", [], "GET /v1/broadcasts"),
    ("getBroadcast", [2], "GET /v1/broadcasts/2"),
    ("getBroadcastActions", [2], "GET /v1/broadcasts/2/actions"),
    ("getBroadcastAction", [2, 4], "GET /v1/broadcasts/2/actions/4"),
    ("updateBroadcastAction", [2, 4, _BODY], "PUT /v1/broadcasts/2/actions/4", _BODY),
    ("getBroadcastActionLanguage", [2, 4, "fr"], "GET /v1/broadcasts/2/actions/4/language/fr"),
    ("updateBroadcastActionLanguage", [2, 4, "fr", _BODY], "PUT /v1/broadcasts/2/actions/4/language/fr", _BODY),
    ("getBroadcastActionMetrics", [2, 4, _STEPS], f"GET /v1/broadcasts/2/actions/4/metrics?{STEPS}"),
    ("getBroadcastActionMetricsLinks", [2, 4, _LINKS], f"GET /v1/broadcasts/2/actions/4/metrics/links?{LINKS}"),
    ("getBroadcastMetrics", [2, {**_STEPS, "type": "email"}], f"GET /v1/broadcasts/2/metrics?{STEPS}&type=email"),
    ("getBroadcastMetricsLinks", [2, _LINKS], f"GET /v1/broadcasts/2/metrics/links?{LINKS}"),
    (
        "getBroadcastMessages",
        [2, {**_DELIVERIES, "type": "email"}],
        f"GET /v1/broadcasts/2/messages?{DELIVERIES}&type=email",
    ),
    ("getBroadcastTriggers", [2], "GET /v1/broadcasts/2/triggers"),
    ("listTransactionalMessages", [], "GET /v1/transactional"),
    ("getTransactionalMessage", [3], "GET /v1/transactional/3"),
    ("getTransactionalMessageContents", [3], "GET /v1/transactional/3/contents"),
    ("getTransactionalMessageLanguage", [3, "fr"], "GET /v1/transactional/3/language/fr"),
    ("updateTransactionalMessageLanguage", [3, "fr", _BODY], "PUT /v1/transactional/3/language/fr", _BODY),
    ("updateTransactionalMessageContent", [3, 139, _BODY], "PUT /v1/transactional/3/content/139", _BODY),
    ("getTransactionalMessageDeliveries", [3, _DELIVERIES], f"GET /v1/transactional/3/messages?{DELIVERIES}"),
    ("getTransactionalMessageMetrics", [3, _STEPS], f"GET /v1/transactional/3/metrics?{STEPS}"),
    ("getTransactionalMessageLinkMetrics", [3, _LINKS], f"GET /v1/transactional/3/metrics/links?{LINKS}"),
    ("getMessages", [_ALL_MESSAGES], f"GET /v1/messages?{ALL_MESSAGES}"),
    (
        "getMessage",
        ["m/1", {"archived_message": True, "associations": True, "get_tracked_responses": True}],
        "GET /v1/messages/m%2F1?archived_message=true&associations=true&get_tracked_responses=true",
    ),
    ("getArchivedMessage", ["m/1"], "GET /v1/messages/m%2F1/archived_message"),
)

N = "/v1/newsletters/2"
_NEWSLETTERS: tuple[tuple[Any, ...], ...] = (
    ("listNewsletters", [{**_PAGE, "sort": "asc"}], f"GET /v1/newsletters?{PAGE}&sort=asc"),
    ("createNewsletter", [{"name": "News"}], "POST /v1/newsletters", {"name": "News"}),
    ("getNewsletter", [2], f"GET {N}"),
    ("deleteNewsletter", [2], f"DELETE {N}"),
    ("getNewsletterContents", [2], f"GET {N}/contents"),
    ("getNewsletterContent", [2, 139], f"GET {N}/contents/139"),
    ("updateNewsletterContent", [2, 139, _BODY], f"PUT {N}/contents/139", _BODY),
    ("getNewsletterContentMetrics", [2, 139, _STEPS], f"GET {N}/contents/139/metrics?{STEPS}"),
    ("getNewsletterContentMetricsLinks", [2, 139, _LINKS], f"GET {N}/contents/139/metrics/links?{LINKS}"),
    ("getNewsletterMetrics", [2, _STEPS], f"GET {N}/metrics?{STEPS}"),
    ("getNewsletterMetricsLinks", [2, _LINKS], f"GET {N}/metrics/links?{LINKS}"),
    ("getNewsletterMessages", [2, {**_DELIVERIES, "type": "email"}], f"GET {N}/messages?{DELIVERIES}&type=email"),
    ("sendNewsletter", [2, {"rate": 10}], f"POST {N}/send", {"rate": 10}),
    ("scheduleNewsletter", [2, {"send_at": 1}], f"POST {N}/schedule", {"send_at": 1}),
    ("createNewsletterLanguage", [2, {"language": "fr"}], f"POST {N}/language", {"language": "fr"}),
    ("getNewsletterLanguage", [2, "fr"], f"GET {N}/language/fr"),
    ("updateNewsletterLanguage", [2, "fr", _BODY], f"PUT {N}/language/fr", _BODY),
    ("deleteNewsletterLanguage", [2, "fr"], f"DELETE {N}/language/fr"),
    ("getNewsletterTestGroups", [2], f"GET {N}/test_groups"),
    ("createNewsletterTestGroup", [2], f"POST {N}/test_groups", {}),
    ("createNewsletterTestGroupLanguage", [2, 9, {"language": "fr"}], f"POST {N}/test_group/9/language", {"language": "fr"}),
    ("getNewsletterTestGroupLanguage", [2, 9, "fr"], f"GET {N}/test_group/9/language/fr"),
    ("updateNewsletterTestGroupLanguage", [2, 9, "fr", _BODY], f"PUT {N}/test_group/9/language/fr", _BODY),
    ("deleteNewsletterTestGroupLanguage", [2, 9, "fr"], f"DELETE {N}/test_group/9/language/fr"),
)

D = "/v1/design_studio"
_NAMED = {"name": "Spring"}
_COMPONENT = {"name": "Header", "tag": "x-header"}
_SNIPPET = {"name": "footer", "value": "<p>Goodbye</p>"}
_INDEXED = [{"name": "plan"}]
_CONTENT: tuple[tuple[Any, ...], ...] = (
    ("listDesignStudioFolders", [_STUDIO], f"GET {D}/folders?{STUDIO}"),
    ("createDesignStudioFolder", [_NAMED], f"POST {D}/folders", _NAMED),
    ("getDesignStudioFolder", ["f/1"], f"GET {D}/folders/f%2F1"),
    ("updateDesignStudioFolder", ["f/1", _NAMED], f"PUT {D}/folders/f%2F1", _NAMED),
    ("deleteDesignStudioFolder", ["f/1"], f"DELETE {D}/folders/f%2F1"),
    (
        "listDesignStudioEmails",
        [{**_STUDIO, "isTemplate": "any", "hasTranslations": "any", "isLinked": "any"}],
        f"GET {D}/emails?{STUDIO}&is_template=any&has_translations=any&is_linked=any",
    ),
    ("createDesignStudioEmail", [_NAMED], f"POST {D}/emails", _NAMED),
    ("getDesignStudioEmail", ["e/1"], f"GET {D}/emails/e%2F1"),
    ("updateDesignStudioEmail", ["e/1", _NAMED], f"PUT {D}/emails/e%2F1", _NAMED),
    ("deleteDesignStudioEmail", ["e/1"], f"DELETE {D}/emails/e%2F1"),
    ("listDesignStudioEmailLanguages", ["e/1"], f"GET {D}/emails/e%2F1/languages"),
    ("createDesignStudioEmailLanguage", ["e/1", {"language": "fr"}], f"POST {D}/emails/e%2F1/languages", {"language": "fr"}),
    ("getDesignStudioEmailLanguage", ["e/1", "fr"], f"GET {D}/emails/e%2F1/languages/fr"),
    ("updateDesignStudioEmailLanguage", ["e/1", "fr", _BODY], f"PUT {D}/emails/e%2F1/languages/fr", _BODY),
    ("deleteDesignStudioEmailLanguage", ["e/1", "fr"], f"DELETE {D}/emails/e%2F1/languages/fr"),
    ("listDesignStudioComponents", [{**_STUDIO, "tag": "t"}], f"GET {D}/components?{STUDIO}&tag=t"),
    ("createDesignStudioComponent", [_COMPONENT], f"POST {D}/components", _COMPONENT),
    ("getDesignStudioComponent", ["c/1"], f"GET {D}/components/c%2F1"),
    ("updateDesignStudioComponent", ["c/1", _NAMED], f"PUT {D}/components/c%2F1", _NAMED),
    ("deleteDesignStudioComponent", ["c/1"], f"DELETE {D}/components/c%2F1"),
    ("listAssets", [_FOLDER], f"GET /v1/assets?{FOLDER}"),
    ("getAsset", ["a/1"], "GET /v1/assets/files/a%2F1"),
    ("updateAsset", ["a/1", _NAMED], "PUT /v1/assets/files/a%2F1", _NAMED),
    ("deleteAsset", ["a/1"], "DELETE /v1/assets/files/a%2F1"),
    ("listAssetFolders", [_FOLDER], f"GET /v1/assets/folders?{FOLDER}"),
    ("createAssetFolder", [_NAMED], "POST /v1/assets/folders", _NAMED),
    ("getAssetFolder", ["f/1"], "GET /v1/assets/folders/f%2F1"),
    ("updateAssetFolder", ["f/1", _NAMED], "PUT /v1/assets/folders/f%2F1", _NAMED),
    ("deleteAssetFolder", ["f/1"], "DELETE /v1/assets/folders/f%2F1"),
    ("listCollections", [], "GET /v1/collections"),
    ("createCollection", [{"name": "Events", "data": []}], "POST /v1/collections", {"name": "Events", "data": []}),
    ("getCollection", [6], "GET /v1/collections/6"),
    ("updateCollection", [6, _NAMED], "PUT /v1/collections/6", _NAMED),
    ("deleteCollection", [6], "DELETE /v1/collections/6"),
    ("getCollectionContent", [6], "GET /v1/collections/6/content"),
    ("updateCollectionContent", [6, [_NAMED]], "PUT /v1/collections/6/content", [_NAMED]),
    ("getSnippets", [], "GET /v1/snippets"),
    ("createSnippet", [_SNIPPET], "POST /v1/snippets", _SNIPPET),
    ("updateSnippet", [_SNIPPET], "PUT /v1/snippets", _SNIPPET),
    ("deleteSnippet", ["foot/er"], "DELETE /v1/snippets/foot%2Fer"),
    (
        "getSenderIdentities",
        [{**_PAGE, "sort": "asc", "hidden": False}],
        f"GET /v1/sender_identities?{PAGE}&sort=asc&hidden=false",
    ),
    ("getSenderIdentity", [10], "GET /v1/sender_identities/10"),
    ("getSenderIdentityUsedBy", [10], "GET /v1/sender_identities/10/used_by"),
    ("listReportingWebhooks", [], "GET /v1/reporting_webhooks"),
    (
        "createReportingWebhook",
        [{"endpoint": "https://hooks.example"}],
        "POST /v1/reporting_webhooks",
        {"endpoint": "https://hooks.example"},
    ),
    ("getReportingWebhook", [8], "GET /v1/reporting_webhooks/8"),
    ("updateReportingWebhook", [8, {"disabled": True}], "PUT /v1/reporting_webhooks/8", {"disabled": True}),
    ("deleteReportingWebhook", [8], "DELETE /v1/reporting_webhooks/8"),
    ("batchUpdateAttributes", [_INDEXED], "POST /v1/data_index/attributes", {"attributes": _INDEXED}),
    ("batchUpdateEvents", [_INDEXED], "POST /v1/data_index/events", {"events": _INDEXED}),
    ("listWorkspaces", [], "GET /v1/workspaces"),
    ("getIpAddresses", [], "GET /v1/info/ip_addresses"),
)


def _call(method: str, args: list[Json], line: str, body: Json = None) -> Call:
    return Call(f"APIClient.{method}", args, Arrival(line, body, ANY, ANY))


READS = tuple(_call(*row) for row in (*_PEOPLE, *_CAMPAIGNS, *_NEWSLETTERS, *_CONTENT))
