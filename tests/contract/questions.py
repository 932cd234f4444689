"""Questions in people's own words: who asks, the question, and the tool that answers it."""

from typing import NamedTuple


class Question(NamedTuple):
    who: str
    words: str
    tool: str


QUESTIONS = [
    # Reading.
    Question("analyst", "Have we seen 203.0.113.7 in any attack lately?", "search_threat_events"),
    Question("analyst", "Is the hash 9f86d081884c7d65 known as malware?", "search_threat_events"),
    Question("analyst", "Show me everything that phished German hospitals in October", "search_threat_events"),
    Question("analyst", "Pull up the complete record with the raw log behind this sighting", "get_threat_event"),
    Question(
        "analyst",
        "What did the attackers do before and after this step of the campaign?",
        "list_related_threat_events",
    ),
    Question(
        "analyst",
        "Which campaign does this malware sample belong to, and what else hangs below it?",
        "list_related_threat_events",
    ),
    Question("analyst", "Which adversaries hit banks in Austria most often this quarter?", "aggregate_threat_events"),
    Question("analyst", "Which threat actors are known on this account?", "list_threat_vocabulary"),
    Question("analyst", "Which collections of events may I look at?", "list_threat_datasets"),
    Question("manager", "How is ransomware developing from day to day?", "aggregate_threat_events"),
    Question(
        "manager",
        "Figures for the board: the top five countries from which our sector was targeted",
        "aggregate_threat_events",
    ),
    Question(
        "manager",
        "What searches has the team stored, and which of them feed the firewall block list?",
        "list_saved_queries",
    ),
    Question("manager", "Who gets an email when a watch fires?", "list_query_alerts"),
    Question("manager", "What did the assistant alter in our data this week?", "list_changes"),
    Question("operator", "Which datasets exist and what are their ids?", "list_threat_datasets"),
    Question("operator", "Are the notifications of query 4 silenced at the moment?", "list_query_alerts"),
    Question(
        "engineer", "Write a GraphQL call that groups by attacker and month in one request", "query_threat_graphql"
    ),
    Question("engineer", "Introspect the schema to see which fields GraphQL takes", "query_threat_graphql"),
    Question(
        "engineer",
        "How does Cloudflare spell the finance sector, so that my filter matches?",
        "list_threat_vocabulary",
    ),
    # Reading, with the words of destruction in it.
    Question("operator", "Did anybody delete events from the incident dataset yesterday?", "list_changes"),
    Question("operator", "Can the import of this morning still be undone?", "list_changes"),
    Question("manager", "What was removed through this server since Monday?", "list_changes"),
    Question("operator", "Has the revert of the dataset finished or did it fail?", "list_changes"),
    Question("engineer", "Show the change that moved the duplicates and what an undo would need", "list_changes"),
    Question("analyst", "Find attackers who delete backups before they encrypt", "search_threat_events"),
    Question("analyst", "Which malware removes shadow copies so that nothing can be restored?", "search_threat_events"),
    Question("analyst", "Look for intrusions in which logs were wiped or deleted", "search_threat_events"),
    Question("analyst", "Is file deletion, T1070.004, used against energy companies?", "search_threat_events"),
    Question(
        "manager",
        "Count by category and day: are wipers that erase and destroy disks on the rise?",
        "aggregate_threat_events",
    ),
    Question(
        "analyst", "Read the whole event about the intruder who deleted the tenant's mailboxes", "get_threat_event"
    ),
    Question(
        "analyst",
        "Which events are linked to the one in which cloud backups were removed?",
        "list_related_threat_events",
    ),
    Question(
        "engineer",
        "Before I delete a saved query: what does it search for, does it feed a block list?",
        "list_saved_queries",
    ),
    Question("operator", "Is there an alert left on the query that we want to remove?", "list_query_alerts"),
    Question("analyst", "Which tags exist that we could clean up or delete?", "list_threat_vocabulary"),
    Question("analyst", "Which categories cover destruction, deletion and wiping?", "list_threat_vocabulary"),
    Question("operator", "Which datasets may I read before a rollback?", "list_threat_datasets"),
    # Writing.
    Question("analyst", "Record a sighting that my own honeypot made this morning", "create_threat_event"),
    Question("analyst", "Add a new incident of ours to the tenant", "create_threat_event"),
    Question("engineer", "Load these two hundred rows of a CSV as events", "import_threat_events"),
    Question("engineer", "Bulk upload our MISP export with its parents", "import_threat_events"),
    Question("analyst", "Import this STIX bundle that a partner sent", "import_threat_events"),
    Question(
        "analyst",
        "The attribution is wrong: set the attacker of this event to another actor",
        "update_threat_event",
    ),
    Question("analyst", "Raise the TLP of one event to amber", "update_threat_event"),
    Question("analyst", "Mark these events as triaged", "tag_threat_events"),
    Question("analyst", "Label the five sightings with the name of the campaign", "tag_threat_events"),
    Question("analyst", "A label was put on the wrong events, strip it", "untag_threat_events"),
    Question("analyst", "Connect this phishing mail with the malware that it dropped", "relate_threat_events"),
    Question("analyst", "This reference between two events is a mistake, cut it", "unrelate_threat_events"),
    Question(
        "operator",
        "Quarantine suspicious records in another dataset until we have checked them",
        "move_threat_events",
    ),
    Question(
        "analyst", "Copy these sightings into the shared collection and leave the originals", "copy_threat_events"
    ),
    Question("operator", "Duplicate the events of the case to our partners' dataset", "copy_threat_events"),
    Question("operator", "Set up a new, empty collection for this case", "create_threat_dataset"),
    Question("engineer", "We need another dataset for the honeypot feed", "create_threat_dataset"),
    Question("operator", "No category fits these events: add a new one to the account", "create_threat_category"),
    Question("engineer", "Define a category for prompt injection with its ATT&CK ids", "create_threat_category"),
    Question("operator", "Rename the dataset of the old vendor", "update_threat_dataset"),
    Question("manager", "Give that collection a better name", "update_threat_dataset"),
    Question("operator", "Purge these false positives and the bad import", "delete_threat_events"),
    Question("analyst", "Which indicators does this dataset have twice on the same day?", "list_duplicate_events"),
    Question("operator", "Find the groups of duplicates in the vendor's dataset", "list_duplicate_events"),
    Question("analyst", "Merge these duplicates into one event and keep its tags and links", "merge_duplicate_events"),
    Question("operator", "Fold the doubles into the event that stays", "merge_duplicate_events"),
    Question(
        "operator",
        "Somebody's script ruined the whole dataset an hour ago, roll all of it back",
        "revert_threat_dataset",
    ),
    Question("operator", "Take back the import from this morning", "undo_change"),
    Question("analyst", "Undo the last thing you did", "undo_change"),
    Question("manager", "Bring the events back that you deleted by mistake", "undo_change"),
    Question("analyst", "Keep this search so that we can watch for new hits on our brand", "create_saved_query"),
    Question("engineer", "Block everything that this search finds at our gateway", "create_saved_query"),
    Question("engineer", "Rename the saved query and narrow what it looks for", "update_saved_query"),
    Question("operator", "Get rid of the old query that nobody uses", "delete_saved_query"),
    Question("engineer", "Notify the SOC through a webhook as soon as a stored query hits", "create_query_alert"),
    Question("manager", "The alert is too noisy: once a day is enough", "update_query_alert"),
    Question("manager", "Drop that alert, nobody reads it", "delete_query_alert"),
    Question("manager", "Who is this actor: aims, victims, tools, latest activity?", "profile_attacker"),
    Question("analyst", "Write a one-page dossier on an adversary", "profile_attacker"),
    Question("manager", "Who is behind the name in the press, and what are they known for?", "profile_attacker"),
    Question("analyst", "Compare two actors: which infrastructure and TTPs have they in common?", "profile_attacker"),
    Question("analyst", "Check these fifty IPs and domains from our proxy log at once", "lookup_indicators"),
    Question("analyst", "Here is a vendor's report: which of its IOCs do we know?", "lookup_indicators"),
    Question("engineer", "Are any of the addresses in this mail text known to be bad?", "lookup_indicators"),
    Question("engineer", "Hand me the results as STIX for our intelligence platform", "export_threat_events"),
    Question("engineer", "Download last month's indicators as a CSV file for the SIEM", "export_threat_events"),
]
