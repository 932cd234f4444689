"""The tenant's own incidents in its private dataset, and how they relate to the campaigns."""

from collections.abc import Iterator
from typing import NamedTuple

from cf1_mcp.sandbox.sample import evidence
from cf1_mcp.sandbox.sample.actors import ACTORS_BY_NAME
from cf1_mcp.sandbox.sample.phases import build_phase_event
from cf1_mcp.sandbox.sample.sample_event import ACME, CLOSED, DAY, HOUR, SampleEvent, SeededRandom, add_filing_details


class Incident(NamedTuple):
    """An incident that began `start` days ago; `cites` are the slugs of its campaigns, the closest first."""

    number: str
    title: str
    start: float
    actor: str
    phases: tuple[str, ...]
    events: int
    insight: str
    cites: tuple[str, ...]


INCIDENTS = (
    Incident("INC-2301", "Macro document in accounts payable",
             5.5, "COPPER LANTERN", ("phishing", "delivery", "execution", "c2", "credentials"), 24,
             "Two workstations in Vienna ran NIGHTLEDGER. No transfer was made; the treasury session was cut in time.",
             ("ledger-frost",)),
    Incident("INC-2287", "Web shell on the claims gateway",
             8.1, "VELOUR CICADA", ("exploitation", "persistence", "c2"), 14,
             "The file gateway was patched a day late. Claims data was listed but no upload was seen.",
             ("felt-boot",)),
    Incident("INC-2214", "Backup servers encrypted at a branch",
             92, "BRASS TORTOISE", ("access", "lateral", "ransom"), 18,
             "VAULTROT at one branch, restored from tape. Entry was a supplier account sold weeks before.",
             ("cold-ward", "back-stairs")),
    Incident("INC-2150", "Supplier mail thread with new bank details",
             41, "TIN MAGPIE", ("phishing", "bec"), 8,
             "One payment was stopped by the bank. The thread came from the supplier's mailbox.",
             ("red-pen",)),
    Incident("INC-2099", "Old beacon in the test lab",
             128, "HOLLOW KESTREL", ("c2", "resolution"), 6,
             "A lab host still called PALEWING names that resolve to nothing today.",
             ("last-post",)),
)  # fmt: skip


def incident_events() -> Iterator[SampleEvent]:
    """Return each incident as a parent and its events, and insider events that belong to no incident."""
    for incident in INCIDENTS:
        yield from _build_incident(incident)
    yield from _build_insider_events()


def _build_incident(incident: Incident) -> Iterator[SampleEvent]:
    rng = SeededRandom(incident.number)
    top = f"acme:{incident.number}"
    actor = ACTORS_BY_NAME[incident.actor]._replace(dataset=ACME, targets=("AT", "DE"))
    age = int(incident.start * DAY)
    # Uses hosts of the campaign, so that looking up an indicator of ACME leads to it.
    zone = f"{incident.cites[0]}.example"
    case = SampleEvent(
        ref=top,
        dataset=ACME,
        age=age,
        category="Intrusion Report",
        event=f"{incident.number}: {incident.title}",
        tlp="amber+strict",
        evidence={
            "case": incident.number,
            "owner": "ir-desk@example.com",
            "state": "closed" if incident.start > 30 else "open",
        },
        insight=incident.insight,
        attacker=actor.name,
        attacker_country=actor.country,
        target_country="AT",
        target_industry=actor.sectors[0],
        tags=("acme", incident.number),
        references=tuple(f"campaign:{slug}" for slug in incident.cites),
    )
    yield add_filing_details(case, rng)
    for number in range(incident.events):
        phase = incident.phases[number * len(incident.phases) // incident.events]
        later = age - number * 3 * HOUR - HOUR
        event = build_phase_event(actor, phase, f"{top}/{number + 1}", later, rng.pick(CLOSED), rng, zone)
        event.parent = (top, "caused_by" if phase in ("ransom", "c2") else "related_to")
        event.tags = (*event.tags, "acme", incident.number)
        yield add_filing_details(event, rng)


def _build_insider_events() -> Iterator[SampleEvent]:
    rng = SeededRandom("insiders")
    for number in range(1, 9):
        yield add_filing_details(
            SampleEvent(
                ref=f"acme:insider/{number}",
                dataset=ACME,
                age=number * 31 * DAY - rng.below(20 * DAY),
                category="Insider Threat",
                event="Bulk download from the design archive shortly before an account was closed",
                tlp=rng.pick(("amber+strict", "red")),
                evidence=evidence.build_login(rng, "files.example.org", f"192.0.2.{210 + number % 5}"),
                target_country="AT",
                tags=("acme", "insider"),
            ),
            rng,
        )
