"""Saved queries and their alerts."""

from typing import Literal

from cf1_mcp.models.base import Count, SnakeModel, Text

AlertFrequency = Literal["immediate", "daily"]


class SavedQuery(SnakeModel):
    """A saved search. `query_json` is JSON text; with `rule_enabled` its results feed a block list."""

    id: Count
    name: Text = ""
    query_json: Text = ""
    alert_enabled: bool = False
    alert_rollup_enabled: bool = False
    rule_enabled: bool = False
    rule_scope: Text = ""
    user_email: Text = ""
    created_at: Text = ""
    updated_at: Text = ""
    custom_threat_feed_id: Count | None = None
    rule_list_id: Text = ""


class SavedQueryFields(SnakeModel):
    """The fields of a saved query that can be set. In an update, fields that are not set stay unchanged."""

    name: str | None = None
    query_json: str | None = None
    alert_enabled: bool | None = None
    alert_rollup_enabled: bool | None = None
    rule_enabled: bool | None = None
    rule_scope: str | None = None


class QueryAlert(SnakeModel):
    """A notification on a saved query."""

    id: Count
    query_id: Count
    enabled: bool = False
    frequency: Text = ""
    notification_type: Text = ""
    last_sent_at: Text = ""
    user_email: Text = ""
    created_at: Text = ""
    updated_at: Text = ""


class QueryAlertFields(SnakeModel):
    """The fields of an alert that can be set. `query_id` is required on creation and cannot change."""

    query_id: int | None = None
    enabled: bool | None = None
    frequency: AlertFrequency | None = None
    notification_type: str | None = None
