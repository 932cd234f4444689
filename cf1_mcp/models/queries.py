"""Saved queries and their alerts."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from cf1_mcp.models.base import SnakeModel
from cf1_mcp.models.lenient_answers import SnakeAnswer
from cf1_mcp.models.odd_values import Count, Flag, GuardFlag, JsonText, Number, Text

AlertFrequency = Literal["immediate", "daily"]


class SavedQuery(SnakeAnswer):
    """A saved search. `query_json` is JSON text; with `rule_enabled` its results feed a block list.

    If it cannot be read whether it acts outside, it counts as one that does.
    """

    closed: ClassVar[Mapping[str, object]] = {"alert_enabled": True, "rule_enabled": True}

    id: Number
    name: Text = ""
    query_json: JsonText = ""
    alert_enabled: GuardFlag = False
    alert_rollup_enabled: Flag = False
    rule_enabled: GuardFlag = False
    rule_scope: Text = ""
    user_email: Text = ""
    created_at: Text = ""
    updated_at: Text = ""
    custom_threat_feed_id: Count = None
    rule_list_id: Text = ""


class SavedQueryFields(SnakeModel):
    """The fields of a saved query that can be set. In an update, fields that are not set stay unchanged."""

    name: str | None = None
    query_json: str | None = None
    alert_enabled: bool | None = None
    alert_rollup_enabled: bool | None = None
    rule_enabled: bool | None = None
    rule_scope: str | None = None


class QueryAlert(SnakeAnswer):
    """A notification on a saved query. If it cannot be read whether it is enabled, it counts as enabled."""

    closed: ClassVar[Mapping[str, object]] = {"enabled": True}

    id: Number
    query_id: Number
    enabled: GuardFlag = False
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
