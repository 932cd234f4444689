"""What arrives every day: single sightings of known actors, crime, floods, devices and proxies."""

from collections.abc import Iterator

from cf1_mcp.sandbox.sample import evidence
from cf1_mcp.sandbox.sample.actors import ACTORS, BY_NAME
from cf1_mcp.sandbox.sample.phases import PLOTS, act
from cf1_mcp.sandbox.sample.sample_event import (
    CYBERCRIME,
    DAY,
    DDOS,
    DEVICES,
    HOUR,
    MIXED,
    OPEN,
    Record,
    SampleEvent,
    SeededRandom,
    fingerprint,
    marked,
    recent,
)

_COUNTRIES = ("US", "BR", "IN", "VN", "ID", "DE", "MX", "TR", "TH", "ZA", "RO", "UA", "PH", "EG", "PL", "AR")
_BOTNETS = ("MOSSLINK", "TALLOWBOT", "GUTTERVINE")
_DEVICES = ("home router", "IP camera", "video recorder", "set-top box", "network storage")
_PORTS = (23, 80, 443, 554, 2323, 5555, 7547, 8080)
_VECTORS = ("HTTP/2 request flood", "UDP flood", "SYN flood", "DNS water torture", "Memcached reflection", "QUIC flood")


def _bot(dice: SeededRandom) -> str:
    """One of 198 hijacked machines, which turn up as devices and again as sources of floods."""
    return f"192.0.2.{1 + dice.below(198)}"


def actor_sightings() -> Iterator[SampleEvent]:
    """Events of every actor outside its campaigns."""
    for actor in ACTORS:
        dice = SeededRandom(f"sightings {actor.name}")
        for number in range(1, actor.events + 1):
            phase = dice.pick(PLOTS[actor.plot])
            ref = f"sighting:{actor.name.lower().replace(' ', '-')}/{number}"
            yield marked(act(actor, phase, ref, recent(dice, actor.first, actor.last), dice.pick(MIXED), dice), dice)


def floods(days: int = 400) -> Iterator[SampleEvent]:
    """DDoS attacks: at least one every day, five a day in the last three weeks."""
    dice = SeededRandom("floods")
    claimed = (BY_NAME["CINDER OTTER"], BY_NAME["STATIC FINCH"])
    for day in range(days):
        for number in range(5 if day < 21 else 2 if day < 90 else 1):
            actor = dice.pick(claimed)
            known = day < actor.first and dice.chance(0.55)
            sector, target = dice.pick(actor.sectors), dice.pick(actor.targets)
            vector, peak = dice.pick(_VECTORS), 1 + dice.below(60)
            bots = list(dict.fromkeys(_bot(dice) for _ in range(1 + dice.below(6))))
            yield marked(
                SampleEvent(
                    ref=f"ddos:{day}/{number + 1}",
                    dataset=DDOS,
                    age=day * DAY + int(dice.roll() * 23 * HOUR) + HOUR // 2,
                    category="DDoS",
                    event=f"{vector} with a peak of {peak / 10} Tbps against a {sector} organisation",
                    tlp=dice.pick(OPEN),
                    evidence={
                        "vector": vector,
                        "peakGbps": peak * 100,
                        "peakRps": peak * 90_000,
                        "durationSeconds": 40 + dice.below(5_000),
                        "sources": [{"address": bot, "country": dice.pick(_COUNTRIES)} for bot in bots],
                        "sourceAsn": 64_496 + dice.below(16),
                    },
                    source="edge.example.net",
                    attacker=actor.name if known else "",
                    attacker_country=actor.country if known else "",
                    target_country="" if dice.chance(0.06) else target,
                    target_industry="" if dice.chance(0.1) else sector,
                    tags=("ddos", "TALLOWBOT") if known else ("ddos",),
                    indicators=[("ip", bot) for bot in bots],
                ),
                dice,
            )


def devices(count: int = 350, proxies: int = 160) -> Iterator[SampleEvent]:
    """Hijacked devices, and the proxies that are rented out on such devices."""
    dice = SeededRandom("devices")
    for number in range(1, count + proxies + 1):
        proxy = number > count
        address = _bot(dice) if dice.chance(0.6) else f"2001:db8:f00::{number:x}"
        device, botnet, where = dice.pick(_DEVICES), dice.pick(_BOTNETS), dice.pick(_COUNTRIES)
        data: Record = {"address": address, "asn": 64_496 + dice.below(16), "country": where}
        if proxy:
            data |= {"service": "resproxy-example", "sessions": 1 + dice.below(900), "protocol": "SOCKS5"}
            text = f"Exit of a residential proxy service, seen in {1 + dice.below(50)} account attacks"
        else:
            data |= {
                "device": device,
                "firmware": f"v{1 + dice.below(9)}-{dice.below(99)}",
                "openPorts": dice.some(_PORTS, 3),
            }
            text = f"{device[0].upper()}{device[1:]} answers to {botnet}"
        yield marked(
            SampleEvent(
                ref=f"proxy:{number - count}" if proxy else f"device:{number}",
                dataset=DEVICES,
                age=recent(dice, 200, 0),
                category="Residential Proxy" if proxy else "Compromised Device",
                event=text,
                tlp=dice.pick(OPEN),
                evidence=data,
                target_country=where,
                target_industry="Telecommunications" if dice.chance(0.2) else "",
                tags=("proxy", "residential") if proxy else ("botnet", botnet),
                indicators=[("ip", address)],
            ),
            dice,
        )


_CRIME = (
    ("Brand Impersonation", evidence.whois, "domain", "Shop that imitates a {sector} brand", "brand-abuse"),
    ("Phishing", evidence.http, "url", "Phishing kit page for customers of a {sector} brand", "phishing-kit"),
    ("Data Leak", evidence.http, "url", "Customer list of a {sector} organisation offered in a forum", "leak"),
    ("Account Takeover", evidence.login, "ip", "Password lists tried on a {sector} sign-in page", "stuffing"),
    ("Cryptomining", evidence.process, "hash", "Miner on build servers of a {sector} organisation", "miner"),
    ("WAF Attack", evidence.http, "ip", "Injection attempts against forms of a {sector} site", "waf"),
    ("Malware Delivery", evidence.file, "hash", "False update with an information stealer", "stealer"),
)  # fmt: skip
_CRIME_SECTORS = (
    "Banking & Financial Services", "Consulting", "Education", "Gaming", "Healthcare", "Hospitality", "Insurance",
    "Media", "Mining", "Pharmaceuticals", "Real Estate", "Retail", "Technology",
)  # fmt: skip


def crime(count: int = 350) -> Iterator[SampleEvent]:
    """Crime that nobody has been named for."""
    dice = SeededRandom("crime")
    for number in range(1, count + 1):
        category, builder, kind, text, tag = dice.pick(_CRIME)
        name, zone = dice.pick(("shop", "secure", "bonus", "parcel")), dice.pick(("example", "test"))
        domain = f"{name}{dice.below(90)}.bazaar.{zone}"
        ip, sector = _bot(dice), dice.pick(_CRIME_SECTORS)
        value = {"domain": domain, "url": f"https://{domain}/", "ip": ip, "hash": fingerprint(f"crime {number}")}[kind]
        yield marked(
            SampleEvent(
                ref=f"crime:{number}",
                dataset=CYBERCRIME,
                age=recent(dice, 395, 0.05),
                category=category,
                event=text.format(sector=sector),
                tlp=dice.pick(MIXED),
                evidence=builder(dice, domain, ip),
                target_country="" if dice.chance(0.25) else dice.pick(_COUNTRIES),
                target_industry="" if dice.chance(0.15) else sector,
                tags=(tag,),
                indicators=[(kind, value)]
                if dice.chance(0.6)
                else [(kind, value), ("filename", f"kit{dice.below(40)}.php")],
            ),
            dice,
        )
