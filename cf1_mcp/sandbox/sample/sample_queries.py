"""The saved queries and alerts of the sample tenant."""

from json import dumps

from cf1_mcp.sandbox.sample.sample_event import ACME, APT, CYBERCRIME, DDOS

# Invented: the content of query_json and rule_scope; see invented.py.
_RULE_SCOPE = "account"


def _query(
    name: str, datasets: list[str], search: list[dict[str, object]], *, alert: bool = False, rule: bool = False
) -> dict[str, object]:
    query: dict[str, object] = {
        "name": name,
        "query_json": dumps({"datasetId": datasets, "search": search}),
        "alert_enabled": alert,
        "alert_rollup_enabled": alert and not rule,
        "rule_enabled": rule,
        "user_email": "cti-desk@example.com",
    }
    return query | {"rule_scope": _RULE_SCOPE} if rule else query


def _is(field: str, value: str) -> dict[str, object]:
    return {"field": field, "op": "equals", "value": value}


def _one_of(field: str, *values: str) -> dict[str, object]:
    return {"field": field, "op": "in", "value": list(values)}


def sample_queries() -> list[dict[str, object]]:
    """Return the saved queries in the API's snake case; `query_json` contains dataset names or a scope word."""
    banking = _is("targetIndustry", "Banking & Financial Services")
    return [
        _query("Banking in Germany and Austria", [APT], [banking, _one_of("targetCountry", "DE", "AT")], alert=True),
        # The same query under another name, as accounts collect them over the years.
        _query("DE/AT banks (old)", [APT], [_one_of("targetCountry", "AT", "DE"), banking], alert=True),
        _query("COPPER LANTERN everywhere", ["all"], [_is("attacker", "COPPER LANTERN")], alert=True),
        _query(
            "Block list: live command and control",
            [APT, CYBERCRIME],
            [_is("category", "Command and Control"), _is("indicatorType", "ip"), _one_of("tlp", "clear", "green")],
            alert=True,
            rule=True,
        ),
        _query("Floods on Dutch transport", [DDOS], [_is("targetIndustry", "Transportation & Logistics"),
                                                     _is("targetCountry", "NL")]),
        _query("File gateway CVE-2099-10019", [APT, ACME], [_is("indicator", "CVE-2099-10019")], alert=True),
        _query("Own cases, open", [ACME], [_is("category", "Intrusion Report")]),
        _query("Mining companies in Iceland", [APT, CYBERCRIME], [_is("targetIndustry", "Mining"),
                                                                  _is("targetCountry", "IS")], alert=True),
    ]  # fmt: skip


def sample_alerts() -> list[dict[str, object]]:
    """Return the alerts in the API's snake case; `query` is the name of the query, in place of `query_id`."""
    rows = (
        ("Banking in Germany and Austria", True, "daily"),
        ("DE/AT banks (old)", True, "daily"),
        ("COPPER LANTERN everywhere", True, "immediate"),
        ("Block list: live command and control", False, "immediate"),
        ("File gateway CVE-2099-10019", True, "immediate"),
        ("Mining companies in Iceland", True, "daily"),
    )
    return [
        {"query": query, "enabled": enabled, "frequency": frequency, "notification_type": "ans"}
        for query, enabled, frequency in rows
    ]
