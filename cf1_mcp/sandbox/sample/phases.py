"""The phases of an attack, and plots: the sequences of phases that actors follow."""

from typing import NamedTuple

from cf1_mcp.sandbox.sample import evidence
from cf1_mcp.sandbox.sample.actors import RENTED_RELAYS, SampleActor
from cf1_mcp.sandbox.sample.sample_event import SampleEvent, SeededRandom, fake_hash


class Phase(NamedTuple):
    """One phase; `kinds` are the types of its indicators, the first one most frequent."""

    category: str
    builder: evidence.EvidenceBuilder
    kinds: tuple[str, ...]
    texts: tuple[str, ...]


PHASES = {
    "reconnaissance": Phase("Reconnaissance", evidence.build_http, ("ip", "ja3"), (
        "Login pages of {sector} organisations probed from rented hosts",
        "Slow scan of remote access gateways, one request per host and hour",
        "Staff names collected from public pages of a {sector} organisation",
    )),
    "setup": Phase("Infrastructure Setup", evidence.build_whois, ("domain", "ip"), (
        "Look-alike domain registered for a {sector} lure",
        "New name servers put in front of a known cluster",
        "Certificate issued for a domain that imitates a supplier portal",
    )),
    "phishing": Phase("Phishing", evidence.build_email, ("domain", "email", "url"), (
        "Spear phishing mail with a macro document sent to {sector} staff",
        "Credential page behind a shortened link, mails sent in office hours only",
        "Invitation with a calendar file that leads to a false sign-in page",
    )),
    "delivery": Phase("Malware Delivery", evidence.build_http, ("url", "domain", "hash"), (
        "{malware} loader fetched from a disk image",
        "Script stager on a hijacked help page pulls {malware}",
        "Archive with a shortcut file starts {malware}",
    )),
    "exploitation": Phase("Vulnerability Exploitation", evidence.build_http, ("cve", "ip"), (
        "Edge gateway exploited before the patch was announced",
        "Crafted session request against a remote access portal of a {sector} organisation",
        "Web shell written through an upload handler",
    )),
    "execution": Phase("Malware Sample", evidence.build_file, ("hash",), (
        "{malware} sample with a new packer",
        "{malware} build configured for {sector} victims",
        "{malware} dropper, signed with a certificate that was withdrawn later",
    )),
    "persistence": Phase("Persistence & Evasion", evidence.build_process, ("hash", "filename"), (
        "Scheduled task named like a print service keeps {malware} alive",
        "Side-loaded library survives the clean-up of {malware}",
    )),
    "resolution": Phase("Domain Resolution", evidence.build_dns, ("domain",), (
        "Beacon domain of {malware} resolved from several networks",
        "Name of the {malware} cluster moved to a new address",
    )),
    "c2": Phase("Command and Control", evidence.build_flow, ("ip", "domain", "ja3"), (
        "{malware} beacons with a fixed interval",
        "Second {malware} channel over DNS text records",
        "Operator session relayed through a rented server",
    )),
    "credentials": Phase("Credential Access & Discovery", evidence.build_login, ("ip", "hash"), (
        "Browser vault emptied, then sign-ins from a new network",
        "Password spray against the sign-in page of a {sector} organisation",
    )),
    "lateral": Phase("Lateral Movement & Collection", evidence.build_process, ("hash", "filename"), (
        "Remote service created on a file server, shares listed",
        "Mailboxes exported with a delegated account",
    )),
    "exfiltration": Phase("Exfiltration & Impact", evidence.build_flow, ("domain", "ip"), (
        "Archives pushed to a storage bucket over several nights",
        "Sudden upload to a host of the {malware} cluster",
    )),
    "ransom": Phase("Ransomware", evidence.build_file, ("hash", "wallet"), (
        "{malware} encrypts servers of a {sector} organisation",
        "Ransom note of {malware} with a leak deadline",
    )),
    "leak": Phase("Data Leak", evidence.build_http, ("url", "domain"), (
        "Files of a {sector} victim announced on a leak page",
        "Sample of stolen records published as proof",
    )),
    "wipe": Phase("Exfiltration & Impact", evidence.build_process, ("hash",), (
        "{malware} overwrites boot records after office hours",
    )),
    "bec": Phase("Business Email Compromise", evidence.build_email, ("email", "domain"), (
        "Changed bank details sent inside an existing mail thread",
        "Request for an urgent transfer in the name of a director",
    )),
    "takeover": Phase("Account Takeover", evidence.build_login, ("ip",), (
        "Stolen session cookie replayed from a residential network",
        "Reused passwords tried against customer accounts of a {sector} organisation",
    )),
    "malvertising": Phase("Malvertising", evidence.build_http, ("domain", "url"), (
        "Paid search result leads to a false installer with {malware}",
    )),
    "access": Phase("Initial Access", evidence.build_login, ("ip", "domain"), (
        "Working gateway access to a {sector} organisation offered for sale",
        "Valid account used from a network never seen before",
    )),
    "supply": Phase("Supply Chain Compromise", evidence.build_file, ("hash", "url"), (
        "Update package of a small supplier carries {malware}",
        "Build script of a shared component fetches {malware}",
    )),
}  # fmt: skip

PLOTS = {
    "spear": ("reconnaissance", "setup", "phishing", "delivery", "execution", "resolution", "c2", "credentials",
              "exfiltration"),
    "exploit": ("reconnaissance", "exploitation", "persistence", "c2", "lateral", "exfiltration"),
    "bank": ("setup", "phishing", "delivery", "execution", "resolution", "c2", "credentials", "takeover"),
    "wiper": ("reconnaissance", "exploitation", "persistence", "c2", "lateral", "wipe"),
    "coin": ("setup", "phishing", "execution", "resolution", "c2", "credentials", "exfiltration"),
    "supply": ("setup", "supply", "execution", "resolution", "c2", "lateral", "exfiltration"),
    "bec": ("setup", "phishing", "credentials", "bec"),
    "ransom": ("access", "execution", "c2", "lateral", "exfiltration", "ransom", "leak"),
    "stealer": ("malvertising", "delivery", "execution", "c2", "credentials", "takeover"),
    "access": ("reconnaissance", "credentials", "access"),
    "flood": ("reconnaissance", "setup"),
}  # fmt: skip


def _build_indicator_value(kind: str, actor: SampleActor, domain: str, ip: str, rng: SeededRandom) -> str:
    match kind:
        case "ip":
            return ip
        case "domain":
            return domain
        case "url":
            return f"https://{domain}/{rng.pick(('d', 'get', 'view', 'doc'))}/{fake_hash(domain)[: 6 + rng.below(5)]}"
        case "email":
            return f"{rng.pick(('billing', 'office', 'hr', 'notice'))}@{domain}"
        case "ja3":
            return actor.pick_ja3(rng)
        case "cve":
            return f"CVE-2099-{10_001 + (actor.number * 3 + rng.below(3)) % 24}"
        case "filename":
            return rng.pick(("printsvc.dll", "msupdate.exe", "agenda.lnk", "winhelp.dll"))
        case "wallet":
            return f"example-wallet-{fake_hash(actor.name + str(rng.below(6)))[:20]}"
        case _:
            return fake_hash(f"{actor.name} {rng.below(10**6)}")[: rng.pick((64, 64, 64, 40, 32))]


def build_phase_event(
    actor: SampleActor, phase_name: str, ref: str, age: int, tlp: str, rng: SeededRandom, zone: str = ""
) -> SampleEvent:
    """Return an event of a phase by an actor; `zone` is a domain of the campaign."""
    phase = PHASES[phase_name]
    domain = (
        f"{rng.pick(('www', 'cdn', 'mail', 'go'))}{rng.below(12)}.{zone}"
        if zone and rng.chance(0.5)
        else actor.pick_domain(rng)
    )
    ip = actor.pick_ip(rng)
    sector, malware = rng.pick(actor.sectors), rng.pick(actor.malware)
    extra = rng.pick((0, 0, 0, 1, 2, 4))
    kinds = [phase.kinds[0], *(rng.pick(phase.kinds) for _ in range(extra))]
    found = [(kind, _build_indicator_value(kind, actor, domain, ip, rng)) for kind in kinds]
    for place in range(1, len(found)):
        if found[place] in found[:place]:
            found[place] = ("domain", actor.pick_domain(rng))
    if actor.rents_relays and phase_name in ("c2", "resolution", "exfiltration") and rng.chance(0.6):
        found.append(rng.pick(RENTED_RELAYS))
    return SampleEvent(
        ref=ref,
        dataset=actor.dataset,
        age=age,
        category=phase.category,
        event=rng.pick(phase.texts).format(sector=sector, malware=malware),
        tlp=tlp,
        evidence=phase.builder(rng, domain, ip),
        attacker=actor.name,
        attacker_country=actor.country,
        target_country="" if rng.chance(0.1) else rng.pick(actor.targets),
        target_industry="" if rng.chance(0.12) else sector,
        tags=(rng.pick(actor.techniques), *((malware,) if phase_name != "reconnaissance" else ())),
        indicators=tuple(dict.fromkeys(found)),
    )
