"""Daily events outside campaigns: sightings of known actors, crime, floods, devices and proxies."""

from collections.abc import Iterator

from cf1_mcp.sandbox.sample import evidence
from cf1_mcp.sandbox.sample.actors import ACTORS, ACTORS_BY_NAME
from cf1_mcp.sandbox.sample.phases import PLOTS, build_phase_event
from cf1_mcp.sandbox.sample.sample_event import (
    CYBERCRIME,
    DAY,
    DDOS,
    DEVICES,
    HOUR,
    MIXED,
    OPEN,
    JsonObject,
    SampleEvent,
    SeededRandom,
    add_filing_details,
    fake_hash,
    pick_age,
)

_COUNTRIES = ("US", "BR", "IN", "VN", "ID", "DE", "MX", "TR", "TH", "ZA", "RO", "UA", "PH", "EG", "PL", "AR")
_BOTNETS = ("MOSSLINK", "TALLOWBOT", "GUTTERVINE")
_DEVICES = ("home router", "IP camera", "video recorder", "set-top box", "network storage")
_PORTS = (23, 80, 443, 554, 2323, 5555, 7547, 8080)
_VECTORS = ("HTTP/2 request flood", "UDP flood", "SYN flood", "DNS water torture", "Memcached reflection", "QUIC flood")


def _pick_bot(rng: SeededRandom) -> str:
    """Return one of 198 hijacked machines, which appear as devices and as sources of floods."""
    return f"192.0.2.{1 + rng.below(198)}"


def actor_sightings() -> Iterator[SampleEvent]:
    """Return the events of every actor outside its campaigns."""
    for actor in ACTORS:
        rng = SeededRandom(f"sightings {actor.name}")
        for number in range(1, actor.events + 1):
            phase = rng.pick(PLOTS[actor.plot])
            ref = f"sighting:{actor.name.lower().replace(' ', '-')}/{number}"
            yield add_filing_details(
                build_phase_event(actor, phase, ref, pick_age(rng, actor.first, actor.last), rng.pick(MIXED), rng), rng
            )


def flood_events(days: int = 400) -> Iterator[SampleEvent]:
    """Return DDoS attacks: at least one per day, five per day in the last three weeks."""
    rng = SeededRandom("floods")
    claimed = (ACTORS_BY_NAME["CINDER OTTER"], ACTORS_BY_NAME["STATIC FINCH"])
    for day in range(days):
        for number in range(5 if day < 21 else 2 if day < 90 else 1):
            actor = rng.pick(claimed)
            known = day < actor.first and rng.chance(0.55)
            sector, target = rng.pick(actor.sectors), rng.pick(actor.targets)
            vector, peak = rng.pick(_VECTORS), 1 + rng.below(60)
            bots = list(dict.fromkeys(_pick_bot(rng) for _ in range(1 + rng.below(6))))
            yield add_filing_details(
                SampleEvent(
                    ref=f"ddos:{day}/{number + 1}",
                    dataset=DDOS,
                    age=day * DAY + int(rng.random() * 23 * HOUR) + HOUR // 2,
                    category="DDoS",
                    event=f"{vector} with a peak of {peak / 10} Tbps against a {sector} organisation",
                    tlp=rng.pick(OPEN),
                    evidence={
                        "vector": vector,
                        "peakGbps": peak * 100,
                        "peakRps": peak * 90_000,
                        "durationSeconds": 40 + rng.below(5_000),
                        "sources": [{"address": bot, "country": rng.pick(_COUNTRIES)} for bot in bots],
                        "sourceAsn": 64_496 + rng.below(16),
                    },
                    source="edge.example.net",
                    attacker=actor.name if known else "",
                    attacker_country=actor.country if known else "",
                    target_country="" if rng.chance(0.06) else target,
                    target_industry="" if rng.chance(0.1) else sector,
                    tags=("ddos", "TALLOWBOT") if known else ("ddos",),
                    indicators=[("ip", bot) for bot in bots],
                ),
                rng,
            )


def device_events(count: int = 350, proxies: int = 160) -> Iterator[SampleEvent]:
    """Return hijacked devices, and residential proxies that run on such devices."""
    rng = SeededRandom("devices")
    for number in range(1, count + proxies + 1):
        proxy = number > count
        address = _pick_bot(rng) if rng.chance(0.6) else f"2001:db8:f00::{number:x}"
        device, botnet, where = rng.pick(_DEVICES), rng.pick(_BOTNETS), rng.pick(_COUNTRIES)
        data: JsonObject = {"address": address, "asn": 64_496 + rng.below(16), "country": where}
        if proxy:
            data |= {"service": "resproxy-example", "sessions": 1 + rng.below(900), "protocol": "SOCKS5"}
            text = f"Exit of a residential proxy service, seen in {1 + rng.below(50)} account attacks"
        else:
            data |= {
                "device": device,
                "firmware": f"v{1 + rng.below(9)}-{rng.below(99)}",
                "openPorts": rng.some(_PORTS, 3),
            }
            text = f"{device[0].upper()}{device[1:]} answers to {botnet}"
        yield add_filing_details(
            SampleEvent(
                ref=f"proxy:{number - count}" if proxy else f"device:{number}",
                dataset=DEVICES,
                age=pick_age(rng, 200, 0),
                category="Residential Proxy" if proxy else "Compromised Device",
                event=text,
                tlp=rng.pick(OPEN),
                evidence=data,
                target_country=where,
                target_industry="Telecommunications" if rng.chance(0.2) else "",
                tags=("proxy", "residential") if proxy else ("botnet", botnet),
                indicators=[("ip", address)],
            ),
            rng,
        )


_CRIME = (
    ("Brand Impersonation", evidence.build_whois, "domain", "Shop that imitates a {sector} brand", "brand-abuse"),
    ("Phishing", evidence.build_http, "url", "Phishing kit page for customers of a {sector} brand", "phishing-kit"),
    ("Data Leak", evidence.build_http, "url", "Customer list of a {sector} organisation offered in a forum", "leak"),
    ("Account Takeover", evidence.build_login, "ip", "Password lists tried on a {sector} sign-in page", "stuffing"),
    ("Cryptomining", evidence.build_process, "hash", "Miner on build servers of a {sector} organisation", "miner"),
    ("WAF Attack", evidence.build_http, "ip", "Injection attempts against forms of a {sector} site", "waf"),
    ("Malware Delivery", evidence.build_file, "hash", "False update with an information stealer", "stealer"),
)  # fmt: skip
_CRIME_SECTORS = (
    "Banking & Financial Services", "Consulting", "Education", "Gaming", "Healthcare", "Hospitality", "Insurance",
    "Media", "Mining", "Pharmaceuticals", "Real Estate", "Retail", "Technology",
)  # fmt: skip


def crime_events(count: int = 350) -> Iterator[SampleEvent]:
    """Return crime without a known attacker."""
    rng = SeededRandom("crime")
    for number in range(1, count + 1):
        category, builder, kind, text, tag = rng.pick(_CRIME)
        name, zone = rng.pick(("shop", "secure", "bonus", "parcel")), rng.pick(("example", "test"))
        domain = f"{name}{rng.below(90)}.bazaar.{zone}"
        ip, sector = _pick_bot(rng), rng.pick(_CRIME_SECTORS)
        value = {"domain": domain, "url": f"https://{domain}/", "ip": ip, "hash": fake_hash(f"crime {number}")}[kind]
        yield add_filing_details(
            SampleEvent(
                ref=f"crime:{number}",
                dataset=CYBERCRIME,
                age=pick_age(rng, 395, 0.05),
                category=category,
                event=text.format(sector=sector),
                tlp=rng.pick(MIXED),
                evidence=builder(rng, domain, ip),
                target_country="" if rng.chance(0.25) else rng.pick(_COUNTRIES),
                target_industry="" if rng.chance(0.15) else sector,
                tags=(tag,),
                indicators=[(kind, value)]
                if rng.chance(0.6)
                else [(kind, value), ("filename", f"kit{rng.below(40)}.php")],
            ),
            rng,
        )
