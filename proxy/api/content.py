"""The App API calls about messages, their metrics and settings: campaigns, broadcasts, newsletters, templates, assets.

The paths are those of the official SDKs (customerio-node 5, `dist/lib/api.js`). No path contains an identifier of a person.
"""

from proxy.api.model import Replay
from proxy.api.rows import app

_STEPS = "period steps"
_LINKS = "period steps unique"
_CAMPAIGN_METRICS = "version type res tz start end period steps"
_MESSAGES = "start limit metric type start_ts end_ts get_tracked_responses"
_TRANSACTIONAL_MESSAGES = "start limit metric state start_ts end_ts get_tracked_responses"
_FOLDERS = "parent_folder_id direct_descendants_only page limit"
_STUDIO = (
    "parent_folder_id direct_descendants_only sort_by sort_order created_before created_after updated_before updated_after"
    " page limit"
)
_ALL_MESSAGES = (
    "start limit drafts metric type campaign_id action_id newsletter_id transactional_id trigger_id template_id content_id"
    " start_ts end_ts associations get_tracked_responses"
)
_CAMPAIGN = "/campaigns/{campaign_id}"
_CAMPAIGN_ACTION = f"{_CAMPAIGN}/actions/{{action_id}}"
_BROADCAST = "/broadcasts/{broadcast_id}"
_BROADCAST_ACTION = f"{_BROADCAST}/actions/{{action_id}}"
_NEWSLETTER = "/newsletters/{newsletter_id}"
_VARIANT = f"{_NEWSLETTER}/contents/{{content_id}}"
_TEST_GROUP = f"{_NEWSLETTER}/test_group/{{test_group_id}}/language"
_TRANSACTIONAL = "/transactional/{transactional_id}"
_STUDIO_EMAIL = "/design_studio/emails/{email_id}"
_VERSION = f"{_STUDIO_EMAIL}/versions/{{version_id}}"
_PREVIEW = f"{_STUDIO_EMAIL}/inbox_previews/{{run_id}}"
_TRIGGER = "/campaigns/{broadcast_id}/triggers/{trigger_id}"

CONTENT = (
    app("campaign.list", "GET", "/campaigns"),
    app("campaign.get", "GET", _CAMPAIGN),
    app("campaign.metrics", "GET", f"{_CAMPAIGN}/metrics", _CAMPAIGN_METRICS),
    app("campaign.link_metrics", "GET", f"{_CAMPAIGN}/metrics/links", _LINKS),
    app("campaign.journey_metrics", "GET", f"{_CAMPAIGN}/journey_metrics", "start end resolution res"),
    app("campaign.messages", "GET", f"{_CAMPAIGN}/messages", f"{_MESSAGES} drafts"),
    app("campaign.actions", "GET", f"{_CAMPAIGN}/actions", "start"),
    app("campaign.action.get", "GET", _CAMPAIGN_ACTION),
    app("campaign.action.update", "PUT", _CAMPAIGN_ACTION),
    app("campaign.action.metrics", "GET", f"{_CAMPAIGN_ACTION}/metrics", _CAMPAIGN_METRICS),
    app("campaign.action.link_metrics", "GET", f"{_CAMPAIGN_ACTION}/metrics/links", f"{_LINKS} type"),
    app("campaign.action.language.get", "GET", f"{_CAMPAIGN_ACTION}/language/{{language}}"),
    app("campaign.action.language.update", "PUT", f"{_CAMPAIGN_ACTION}/language/{{language}}"),
    app("broadcast.list", "GET", "/broadcasts"),
    app("broadcast.get", "GET", _BROADCAST),
    app("broadcast.metrics", "GET", f"{_BROADCAST}/metrics", f"{_STEPS} type"),
    app("broadcast.link_metrics", "GET", f"{_BROADCAST}/metrics/links", _LINKS),
    app("broadcast.messages", "GET", f"{_BROADCAST}/messages", f"{_MESSAGES} state"),
    app("broadcast.triggers", "GET", f"{_BROADCAST}/triggers"),
    app("broadcast.trigger_status", "GET", _TRIGGER),
    app("broadcast.trigger_errors", "GET", f"{_TRIGGER}/errors", "start limit"),
    app("broadcast.actions", "GET", f"{_BROADCAST}/actions"),
    app("broadcast.action.get", "GET", _BROADCAST_ACTION),
    app("broadcast.action.update", "PUT", _BROADCAST_ACTION),
    app("broadcast.action.metrics", "GET", f"{_BROADCAST_ACTION}/metrics", f"{_STEPS} type"),
    app("broadcast.action.link_metrics", "GET", f"{_BROADCAST_ACTION}/metrics/links", f"{_LINKS} type"),
    app("broadcast.action.language.get", "GET", f"{_BROADCAST_ACTION}/language/{{language}}"),
    app("broadcast.action.language.update", "PUT", f"{_BROADCAST_ACTION}/language/{{language}}"),
    app("newsletter.list", "GET", "/newsletters", "start limit sort"),
    app("newsletter.create", "POST", "/newsletters"),
    app("newsletter.get", "GET", _NEWSLETTER),
    app("newsletter.delete", "DELETE", _NEWSLETTER),
    app("newsletter.send", "POST", f"{_NEWSLETTER}/send"),
    app("newsletter.schedule", "POST", f"{_NEWSLETTER}/schedule"),
    app("newsletter.metrics", "GET", f"{_NEWSLETTER}/metrics", f"{_STEPS} type"),
    app("newsletter.link_metrics", "GET", f"{_NEWSLETTER}/metrics/links", _LINKS),
    app("newsletter.messages", "GET", f"{_NEWSLETTER}/messages", _MESSAGES),
    app("newsletter.contents", "GET", f"{_NEWSLETTER}/contents"),
    app("newsletter.content.get", "GET", _VARIANT),
    app("newsletter.content.update", "PUT", _VARIANT),
    app("newsletter.content.metrics", "GET", f"{_VARIANT}/metrics", f"{_STEPS} type"),
    app("newsletter.content.link_metrics", "GET", f"{_VARIANT}/metrics/links", f"{_LINKS} type"),
    app("newsletter.language.create", "POST", f"{_NEWSLETTER}/language"),
    app("newsletter.language.get", "GET", f"{_NEWSLETTER}/language/{{language}}"),
    app("newsletter.language.update", "PUT", f"{_NEWSLETTER}/language/{{language}}"),
    app("newsletter.language.delete", "DELETE", f"{_NEWSLETTER}/language/{{language}}"),
    app("newsletter.test_group.list", "GET", f"{_NEWSLETTER}/test_groups"),
    app("newsletter.test_group.create", "POST", f"{_NEWSLETTER}/test_groups"),
    app("newsletter.test_group.language.create", "POST", _TEST_GROUP),
    app("newsletter.test_group.language.get", "GET", f"{_TEST_GROUP}/{{language}}"),
    app("newsletter.test_group.language.update", "PUT", f"{_TEST_GROUP}/{{language}}"),
    app("newsletter.test_group.language.delete", "DELETE", f"{_TEST_GROUP}/{{language}}"),
    app("transactional.list", "GET", "/transactional"),
    app("transactional.get", "GET", _TRANSACTIONAL),
    app("transactional.contents", "GET", f"{_TRANSACTIONAL}/contents"),
    app("transactional.content.get", "GET", f"{_TRANSACTIONAL}/contents/{{content_id}}"),
    app("transactional.content.update", "PUT", f"{_TRANSACTIONAL}/content/{{content_id}}"),
    app("transactional.language.get", "GET", f"{_TRANSACTIONAL}/language/{{language}}"),
    app("transactional.language.update", "PUT", f"{_TRANSACTIONAL}/language/{{language}}"),
    app("transactional.messages", "GET", f"{_TRANSACTIONAL}/messages", _TRANSACTIONAL_MESSAGES),
    app("transactional.metrics", "GET", f"{_TRANSACTIONAL}/metrics", _STEPS),
    app("transactional.link_metrics", "GET", f"{_TRANSACTIONAL}/metrics/links", _LINKS),
    app("message.list", "GET", "/messages", _ALL_MESSAGES),
    app("message.get", "GET", "/messages/{message_id}", "archived_message associations get_tracked_responses"),
    app("message.archived", "GET", "/messages/{message_id}/archived_message"),
    app("design_studio.folder.list", "GET", "/design_studio/folders", _STUDIO),
    app("design_studio.folder.create", "POST", "/design_studio/folders"),
    app("design_studio.folder.get", "GET", "/design_studio/folders/{folder_id}"),
    app("design_studio.folder.update", "PUT", "/design_studio/folders/{folder_id}"),
    app("design_studio.folder.delete", "DELETE", "/design_studio/folders/{folder_id}"),
    app("design_studio.email.list", "GET", "/design_studio/emails", f"{_STUDIO} is_template has_translations is_linked"),
    app("design_studio.email.create", "POST", "/design_studio/emails"),
    app("design_studio.email.get", "GET", _STUDIO_EMAIL),
    app("design_studio.email.update", "PUT", _STUDIO_EMAIL),
    app("design_studio.email.delete", "DELETE", _STUDIO_EMAIL),
    app("design_studio.email.language.list", "GET", f"{_STUDIO_EMAIL}/languages"),
    app("design_studio.email.language.create", "POST", f"{_STUDIO_EMAIL}/languages"),
    app("design_studio.email.language.get", "GET", f"{_STUDIO_EMAIL}/languages/{{language}}"),
    app("design_studio.email.language.update", "PUT", f"{_STUDIO_EMAIL}/languages/{{language}}"),
    app("design_studio.email.language.delete", "DELETE", f"{_STUDIO_EMAIL}/languages/{{language}}"),
    app("design_studio.email.version.list", "GET", f"{_STUDIO_EMAIL}/versions"),
    app("design_studio.email.version.create", "POST", f"{_STUDIO_EMAIL}/versions"),
    app("design_studio.email.version.get", "GET", _VERSION),
    app("design_studio.email.version.delete", "DELETE", _VERSION),
    app("design_studio.email.version.restore", "POST", f"{_VERSION}/restore"),
    app("design_studio.email.link", "POST", f"{_STUDIO_EMAIL}/link"),
    app("design_studio.email.preview", "POST", f"{_STUDIO_EMAIL}/preview"),
    app("design_studio.email.publish", "POST", f"{_STUDIO_EMAIL}/publish"),
    app("design_studio.email.publish_status", "GET", f"{_STUDIO_EMAIL}/publish_status"),
    app("design_studio.email.review", "GET", f"{_STUDIO_EMAIL}/review"),
    app("design_studio.email.render", "GET", f"{_STUDIO_EMAIL}/render"),
    app("design_studio.email.unpublished_changes", "GET", f"{_STUDIO_EMAIL}/unpublished_changes"),
    app("design_studio.email.inbox_preview.create", "POST", f"{_STUDIO_EMAIL}/inbox_previews"),
    # Of `jobs`, `clients` and `credits` too, should they stand below an email.
    app("design_studio.email.inbox_preview.get", "GET", _PREVIEW),
    app("design_studio.email.inbox_preview.capture", "GET", f"{_PREVIEW}/captures/{{client_id}}"),
    app("design_studio.inbox_preview.jobs", "GET", "/design_studio/inbox_previews/jobs"),
    app("design_studio.inbox_preview.clients", "GET", "/design_studio/inbox_previews/clients"),
    app("design_studio.inbox_preview.credits", "GET", "/design_studio/inbox_previews/credits"),
    app("design_studio.component.list", "GET", "/design_studio/components", f"{_STUDIO} tag"),
    app("design_studio.component.create", "POST", "/design_studio/components"),
    app("design_studio.component.get", "GET", "/design_studio/components/{component_id}"),
    app("design_studio.component.update", "PUT", "/design_studio/components/{component_id}"),
    app("design_studio.component.delete", "DELETE", "/design_studio/components/{component_id}"),
    app("asset.list", "GET", "/assets", _FOLDERS),
    # The body is multipart, so it is refused. With this row, the answer is 415, which tells the reason, instead of 403.
    app("asset.create", "POST", "/assets/files"),
    app("asset.get", "GET", "/assets/files/{asset_id}"),
    app("asset.update", "PUT", "/assets/files/{asset_id}"),
    app("asset.delete", "DELETE", "/assets/files/{asset_id}"),
    app("asset.folder.list", "GET", "/assets/folders", _FOLDERS),
    app("asset.folder.create", "POST", "/assets/folders"),
    app("asset.folder.get", "GET", "/assets/folders/{folder_id}"),
    app("asset.folder.update", "PUT", "/assets/folders/{folder_id}"),
    app("asset.folder.delete", "DELETE", "/assets/folders/{folder_id}"),
    app("collection.list", "GET", "/collections"),
    app("collection.create", "POST", "/collections"),
    app("collection.get", "GET", "/collections/{collection_id}"),
    app("collection.update", "PUT", "/collections/{collection_id}"),
    app("collection.delete", "DELETE", "/collections/{collection_id}"),
    app("collection.content.get", "GET", "/collections/{collection_id}/content"),
    app("collection.content.update", "PUT", "/collections/{collection_id}/content"),
    app("snippet.list", "GET", "/snippets"),
    app("snippet.create", "POST", "/snippets", routing=("name",)),
    app("snippet.update", "PUT", "/snippets", routing=("name",)),
    app("snippet.delete", "DELETE", "/snippets/{name}"),
    app("sender_identity.list", "GET", "/sender_identities", "start limit sort hidden"),
    app("sender_identity.get", "GET", "/sender_identities/{sender_id}"),
    app("sender_identity.used_by", "GET", "/sender_identities/{sender_id}/used_by"),
    app("reporting_webhook.list", "GET", "/reporting_webhooks"),
    app("reporting_webhook.create", "POST", "/reporting_webhooks"),
    app("reporting_webhook.get", "GET", "/reporting_webhooks/{webhook_id}"),
    app("reporting_webhook.update", "PUT", "/reporting_webhooks/{webhook_id}"),
    app("reporting_webhook.delete", "DELETE", "/reporting_webhooks/{webhook_id}"),
    app("data_index.attributes", "POST", "/data_index/attributes", replay=Replay.SAFE),
    app("data_index.events", "POST", "/data_index/events", replay=Replay.SAFE),
    app("workspace.list", "GET", "/workspaces"),
    app("info.ip_addresses", "GET", "/info/ip_addresses"),
)
