"""The campaigns: a parent event with an analyst's insight, and below it the events of each phase."""

from collections.abc import Iterator
from typing import NamedTuple

from cf1_mcp.sandbox.sample.actors import ACTORS_BY_NAME, SampleActor
from cf1_mcp.sandbox.sample.phases import PLOTS, build_phase_event
from cf1_mcp.sandbox.sample.sample_event import CLOSED, DAY, HOUR, MIXED, SampleEvent, SeededRandom, add_filing_details


class Campaign(NamedTuple):
    """A campaign that began `start` days ago and lasted `days`.

    With `victims`, there is an intrusion report for each one between the parent and the events. `cites` are the slugs
    of earlier campaigns that it refers to.
    """

    title: str
    actor: str
    story: str
    start: float
    days: float
    events: int
    victims: int = 0
    plot: str = ""
    sectors: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    cites: tuple[str, ...] = ()

    @property
    def slug(self) -> str:
        """The title as used in refs, tags and domains."""
        return self.title.lower().replace(" ", "-")


CAMPAIGNS = (
    Campaign("Reed Bed", "GLASS HERON",
        "Mail servers of regional carriers were entered through staff accounts and kept for months. The aim was "
        "call records, not money.",
        371, 60, 42, victims=4),
    Campaign("Slag Heap", "QUIET ANVIL",
        "A firmware mirror served altered update packages to two chip makers. Only hosts with a licence file of a "
        "certain age got the second stage.",
        352, 70, 40, victims=3),
    Campaign("Long Table", "HOLLOW KESTREL",
        "Agenda lures before a summit. Every recipient had spoken in public on procurement.",
        340, 45, 38, victims=3),
    Campaign("Coin Wash", "COPPER LANTERN",
        "Banking trojan NIGHTLEDGER in its first form, spread by overdue statements. Webinjects covered eleven "
        "German banks.",
        322, 40, 36),
    Campaign("Dry Dock", "MARBLE JACKAL",
        "Port operators lost their planning systems to DUSTKEEL on a public holiday.",
        301, 35, 34, victims=2, sectors=("Maritime", "Oil & Gas")),
    Campaign("Open Offer", "PAPER ORCA",
        "False recruiters asked developers to fix a repository. The test suite installed LAMPREYKIT.",
        290, 80, 48, victims=3),
    Campaign("Late Invoice", "TIN MAGPIE",
        "Existing mail threads of builders were continued with new bank details. The average request was small "
        "enough to need one signature.",
        268, 50, 30),
    Campaign("Rust Vault", "BRASS TORTOISE",
        "VAULTROT in hospitals after access bought from a broker. Two relays were already known from NIGHTLEDGER.",
        255, 45, 44, victims=4, cites=("coin-wash",)),
    Campaign("Back Stairs", "ROOK AND THIMBLE",
        "Gateway accounts of service providers, tested and then listed for sale with the revenue of each victim.",
        262, 60, 28, cites=("late-invoice",)),
    Campaign("Paper Crane", "SAFFRON MOLE",
        "Grant forms for small newsrooms carried TURMERIC. Keystrokes were kept, files were not touched.",
        240, 55, 34, victims=2),
    Campaign("White Wig", "OPAL FERRET",
        "Law firms on both sides of one arbitration were phished in the same week. This points to a hired "
        "service.",
        225, 40, 28),
    Campaign("Winter Brief", "HOLLOW KESTREL",
        "PALEWING returned with a loader written anew, against defence ministries and the press around them.",
        214, 50, 40, victims=3, cites=("long-table",)),
    Campaign("Sugar Trap", "JUNIPER WASP",
        "Paid search results for a free codec led to POLLENGRAB. Logs were sold within a day.",
        196, 60, 40),
    Campaign("Quiet Harvest", "FALLOW BADGER",
        "Grain cooperatives were encrypted in the weeks of the harvest, when waiting costs most.",
        182, 45, 32, victims=2),
    Campaign("Glass Floor", "GLASS HERON",
        "The same carriers again, now through an edge gateway. SHALEWIND ran in memory only.",
        168, 55, 46, victims=3, plot="exploit", cites=("reed-bed",)),
    Campaign("Last Post", "HOLLOW KESTREL",
        "A short wave against embassies. It ended from one day to the next and the actor has not been seen since.",
        131, 34, 30, cites=("winter-brief",)),
    Campaign("Blue Ticket", "PAPER ORCA",
        "Wallet developers were invited to a chess server. Three exchanges lost signing keys to FOLDSHIP.",
        140, 70, 50, victims=3, cites=("open-offer",)),
    Campaign("Split Ledger", "COPPER LANTERN",
        "NIGHTLEDGER moved to Austrian and Swiss banks and rented relays in harbor-relay.example.",
        118, 40, 38, victims=2, cites=("coin-wash",)),
    Campaign("Cold Ward", "BRASS TORTOISE",
        "Again hospitals, again the rented relays: the operators of NIGHTLEDGER and VAULTROT share a landlord at "
        "least.",
        104, 40, 46, victims=4, cites=("split-ledger", "back-stairs")),
    Campaign("Second Mirror", "QUIET ANVIL",
        "A supplier of test equipment was used to reach its customers. REEDPIPE appeared here as well, so the "
        "tool is shared.",
        96, 50, 36, victims=2, cites=("slag-heap",)),
    Campaign("Sand Table", "MARBLE JACKAL",
        "Grid operators were scouted with care. No destruction so far: this may be preparation.",
        74, 35, 38, victims=3, cites=("dry-dock",)),
    Campaign("Pollen Count", "JUNIPER WASP",
        "Hotel desks were asked to look at a guest's photographs. Stolen booking accounts then wrote to the "
        "guests.",
        61, 40, 44, cites=("sugar-trap",)),
    Campaign("Red Pen", "TIN MAGPIE",
        "Lawyers' mailboxes were watched until a house sale came close to its end, then the account number "
        "changed.",
        47, 40, 34, cites=("late-invoice",)),
    Campaign("Silver Thaw", "GLASS HERON",
        "City registries in four countries. The lures quote real council minutes.",
        38, 36, 44, victims=3, sectors=("Government", "Telecommunications"), cites=("glass-floor",)),
    Campaign("Felt Boot", "VELOUR CICADA",
        "An actor not seen before. It enters through CVE-2099-10019 in a file gateway, leaves a web shell and "
        "looks for claims data of insurers and car makers.",
        9.2, 9, 34, victims=2),
    Campaign("Ledger Frost", "COPPER LANTERN",
        "The largest NIGHTLEDGER wave so far, at banks in Germany and Austria. It began on the first day of a "
        "payment format change, which the lures mention.",
        6.9, 6.8, 120, victims=5, sectors=("Banking & Financial Services",), targets=("DE", "AT"),
        cites=("split-ledger", "cold-ward")),
)  # fmt: skip

# The relationship of an event to its parent, by phase; related_to for the others.
_RELATIONSHIP_TYPES = {
    "c2": "caused_by",
    "lateral": "caused_by",
    "ransom": "caused_by",
    "wipe": "caused_by",
    "execution": "attributed_to",
}


def _build_events(campaign: Campaign, actor: SampleActor, rng: SeededRandom) -> Iterator[SampleEvent]:
    phases = PLOTS[campaign.plot or actor.plot]
    top = f"campaign:{campaign.slug}"
    reports = [f"{top}/victim/{number}" for number in range(1, campaign.victims + 1)]
    zone = f"{campaign.slug}.example"
    begin, length = int(campaign.start * DAY), int(campaign.days * DAY)
    last_sample = ""
    counts = dict.fromkeys(phases, 0)
    for number in range(campaign.events):
        step = number * len(phases) // campaign.events
        phase = phases[step]
        counts[phase] += 1
        ref = f"{top}/{phase}/{counts[phase]}"
        share = (number + rng.random()) / campaign.events
        event = build_phase_event(
            actor, phase, ref, begin - int(length * share * 0.98) - HOUR, rng.pick(MIXED), rng, zone
        )
        above = reports[number % len(reports)] if reports else top
        if reports and phase in ("c2", "resolution") and last_sample:
            above = last_sample
        event.parent = (above, _RELATIONSHIP_TYPES.get(phase, "related_to"))
        if phase in ("execution", "persistence"):
            last_sample = ref
        if campaign.cites and number % 9 == 4:
            event.references = tuple(f"campaign:{slug}" for slug in campaign.cites)
        event.tags = (*event.tags, campaign.slug)
        yield add_filing_details(event, rng)


def _find_actor(campaign: Campaign) -> SampleActor:
    """Return the actor of a campaign, with the sectors and targets of the campaign where it has its own."""
    actor = ACTORS_BY_NAME[campaign.actor]
    return actor._replace(sectors=campaign.sectors or actor.sectors, targets=campaign.targets or actor.targets)


def _build_parent(campaign: Campaign, actor: SampleActor, rng: SeededRandom) -> SampleEvent:
    return add_filing_details(
        SampleEvent(
            ref=f"campaign:{campaign.slug}",
            dataset=actor.dataset,
            age=int(campaign.start * DAY),
            category="Campaign",
            event=f"Operation {campaign.title}",
            insight=f"{campaign.story} Attributed to {actor.name}; motive: {actor.motive.lower()}; "
            f"{campaign.events} events over {campaign.days:g} days.",
            tlp=rng.pick(MIXED[:-1]),
            evidence={"analyst": "desk-2@example.com", "confidence": rng.pick(("low", "medium", "high")),
                      "techniques": list(actor.techniques), "software": list(actor.malware)},
            source="https://reports.example.net/" + campaign.slug,
            attacker=actor.name,
            attacker_country=actor.country,
            target_country=actor.targets[0],
            target_industry=actor.sectors[0],
            tags=("campaign", campaign.slug, *actor.malware),
            references=tuple(f"campaign:{slug}" for slug in campaign.cites),
        ),
        rng,
    )  # fmt: skip


def _build_reports(campaign: Campaign, actor: SampleActor, rng: SeededRandom) -> Iterator[SampleEvent]:
    top = f"campaign:{campaign.slug}"
    begin = int(campaign.start * DAY)
    for number in range(1, campaign.victims + 1):
        sector = rng.pick(actor.sectors)
        yield add_filing_details(
            SampleEvent(
                ref=f"{top}/victim/{number}",
                dataset=actor.dataset,
                age=begin - number * HOUR,
                category="Intrusion Report",
                event=f"{campaign.title}: intrusion at {sector} victim {number}",
                insight=f"Victim {number} was told through its own response team. Dwell time {3 + rng.below(90)} days."
                if number == 1
                else "",
                tlp=rng.pick(CLOSED),
                evidence={
                    "victim": f"victim-{number}",
                    "reportedBy": f"cert{number}@example.org",
                    "hosts": 1 + rng.below(60),
                },
                attacker=actor.name,
                attacker_country=actor.country,
                target_country=rng.pick(actor.targets),
                target_industry=sector,
                tags=("intrusion", campaign.slug),
                parent=(top, "attributed_to"),
            ),
            rng,
        )


def campaign_events() -> Iterator[SampleEvent]:
    """Return every campaign, oldest first: the parent, its intrusion reports, then its events."""
    for campaign in CAMPAIGNS:
        rng = SeededRandom(f"campaign {campaign.slug}")
        actor = _find_actor(campaign)
        yield _build_parent(campaign, actor, rng)
        yield from _build_reports(campaign, actor, rng)
        yield from _build_events(campaign, actor, rng)
