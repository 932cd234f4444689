"""The tenant's own cases, in its private dataset: what ACME saw, and what that has to do with the campaigns."""

from collections.abc import Iterator
from typing import NamedTuple

from cf1_mcp.sandbox.sample import evidence
from cf1_mcp.sandbox.sample.actors import BY_NAME
from cf1_mcp.sandbox.sample.phases import act
from cf1_mcp.sandbox.sample.sample_event import ACME, CLOSED, DAY, HOUR, SampleEvent, SeededRandom, marked


class Incident(NamedTuple):
    """A case from `start` days ago; `cites` are the campaigns it belongs to, the closest first."""

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


def incident_sketches() -> Iterator[SampleEvent]:
    """Each case as a parent and its events, and a few notes on insiders that belong to no case."""
    for incident in INCIDENTS:
        dice = SeededRandom(incident.number)
        top = f"acme:{incident.number}"
        actor = BY_NAME[incident.actor]._replace(dataset=ACME, targets=("AT", "DE"))
        age = int(incident.start * DAY)
        # The campaign's own hosts turn up here again, so that a look-up of ACME's indicators leads to the campaign.
        zone = f"{incident.cites[0]}.example"
        references = tuple(f"campaign:{slug}" for slug in incident.cites)
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
            references=references,
        )
        yield marked(case, dice)
        for number in range(incident.events):
            phase = incident.phases[number * len(incident.phases) // incident.events]
            later = age - number * 3 * HOUR - HOUR
            sketch = act(actor, phase, f"{top}/{number + 1}", later, dice.pick(CLOSED), dice, zone)
            sketch.parent = (top, "caused_by" if phase in ("ransom", "c2") else "related_to")
            sketch.tags = (*sketch.tags, "acme", incident.number)
            yield marked(sketch, dice)
    dice = SeededRandom("insiders")
    for number in range(1, 9):
        yield marked(
            SampleEvent(
                ref=f"acme:insider/{number}",
                dataset=ACME,
                age=number * 31 * DAY - dice.below(20 * DAY),
                category="Insider Threat",
                event="Bulk download from the design archive shortly before an account was closed",
                tlp=dice.pick(("amber+strict", "red")),
                evidence=evidence.login(dice, "files.example.org", f"192.0.2.{210 + number % 5}"),
                target_country="AT",
                tags=("acme", "insider"),
            ),
            dice,
        )
