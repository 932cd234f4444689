"""The attackers of the sample: fictional names, habits and infrastructure, on reserved names and addresses only."""

from typing import NamedTuple

from cf1_mcp.sandbox.sample.sample_event import APT, CYBERCRIME, SeededRandom, fake_hash

_HOSTS = ("login", "mail", "cdn", "update", "api", "files", "sso", "vpn", "portal", "static")

# A relay that two of the actors rent; an analyst can connect their campaigns by it.
RENTED_RELAYS = (
    ("ip", "192.0.2.240"),
    ("ip", "192.0.2.241"),
    ("ip", "192.0.2.242"),
    ("domain", "gate.harbor-relay.example"),
    ("domain", "pay.harbor-relay.example"),
)


class SampleActor(NamedTuple):
    """A fictional attacker.

    `plot` names its usual sequence of phases; `events` is the number of its events outside campaigns, from `first` to
    `last` days ago.
    """

    number: int
    name: str
    country: str
    motive: str
    plot: str
    dataset: str
    sectors: tuple[str, ...]
    targets: tuple[str, ...]
    techniques: tuple[str, ...]
    malware: tuple[str, ...]
    zones: tuple[str, ...]
    first: float
    last: float
    events: int
    rents_relays: bool = False

    def pick_ip(self, rng: SeededRandom) -> str:
        """Return one of 30 IPv4 addresses that only this actor uses, or one of 40 IPv6 addresses."""
        if rng.chance(0.08):
            return f"2001:db8:{self.number:x}::{1 + rng.below(40):x}"
        network = ("198.51.100", "203.0.113")[self.number // 8]
        return f"{network}.{self.number % 8 * 32 + 1 + rng.below(30)}"

    def pick_domain(self, rng: SeededRandom) -> str:
        """Return a host name in one of the actor's zones."""
        return f"{rng.pick(_HOSTS)}.{rng.pick(self.zones)}"

    def pick_ja3(self, rng: SeededRandom) -> str:
        """Return one of two client fingerprints in the form of an MD5."""
        return fake_hash(f"{self.name} tls {rng.below(2)}")[:32]


ACTORS = (
    SampleActor(0, "GLASS HERON", "CN", "Espionage", "spear", APT, ("Telecommunications", "Government", "IT Services"),
          ("DE", "FR", "NL", "PL", "JP"), ("T1566.002", "T1190", "T1071.001", "T1005"), ("SHALEWIND", "REEDPIPE"),
          ("heron-post.example", "glasswater.test", "city-registry.example.org"), 400, 0.2, 75),
    SampleActor(1, "COPPER LANTERN", "RU", "Financial", "bank", APT, ("Banking & Financial Services", "Insurance"),
          ("DE", "AT", "CH", "GB"), ("T1566.001", "T1555.003", "T1185", "T1657"), ("NIGHTLEDGER", "COINWICK"),
          ("ledger-sync.example", "kontoservice.example.net", "lantern-pay.test"), 390, 7.5, 120, rents_relays=True),
    SampleActor(2, "MARBLE JACKAL", "IR", "Espionage", "wiper", APT, ("Energy & Utilities", "Oil & Gas", "Maritime"),
          ("SA", "AE", "IL", "US"), ("T1190", "T1485", "T1561.002", "T1078"), ("DUSTKEEL",),
          ("quarry-mail.example", "gulf-tender.example.com"), 400, 0.4, 60),
    SampleActor(3, "PAPER ORCA", "KP", "Financial", "coin", APT, ("Cryptocurrency", "Technology", "Gaming"),
          ("US", "KR", "JP", "SG"), ("T1566.003", "T1204.002", "T1195.002", "T1657"), ("LAMPREYKIT", "FOLDSHIP"),
          ("orca-careers.example", "devtest-hub.example.org", "wallet-check.test"), 380, 0.3, 80),
    SampleActor(4, "QUIET ANVIL", "CN", "Espionage", "supply", APT, ("Semiconductors", "Manufacturing", "Technology"),
          ("TW", "JP", "US", "NL"), ("T1195.002", "T1574.002", "T1071.004", "T1560.001"), ("SLAGDRIP", "REEDPIPE"),
          ("anvil-mirror.example", "firmware-notes.example.net"), 395, 1.0, 55),
    SampleActor(5, "HOLLOW KESTREL", "RU", "Espionage", "spear", APT, ("Government", "Defense & Aerospace", "Media"),
          ("UA", "PL", "LT", "US"), ("T1566.001", "T1059.001", "T1114.002", "T1110.003"), ("PALEWING",),
          ("kestrel-brief.example", "summit-agenda.example.org"), 400, 96, 90),
    SampleActor(6, "TIN MAGPIE", "NG", "Financial", "bec", CYBERCRIME, ("Retail", "Construction", "Legal Services"),
          ("US", "GB", "CA", "AU"), ("T1566.002", "T1534", "T1114.003", "T1657"), ("SHINYHOOK",),
          ("invoice-desk.example", "vendor-pay.example.com"), 300, 0.3, 75),
    SampleActor(7, "SAFFRON MOLE", "VN", "Espionage", "spear", APT,
          ("Non-Governmental Organizations", "Media", "Education"),
          ("US", "DE", "PH", "TH"), ("T1566.002", "T1204.002", "T1056.001", "T1102"), ("TURMERIC", "REEDPIPE"),
          ("saffron-press.example", "grant-forms.example.org"), 360, 0.8, 45),
    SampleActor(8, "BRASS TORTOISE", "BY", "Financial", "ransom", CYBERCRIME,
          ("Healthcare", "Manufacturing", "Education"),
          ("US", "GB", "FR", "IT", "DE"), ("T1133", "T1021.001", "T1486", "T1567.002"), ("VAULTROT",),
          ("tortoise-leaks.invalid", "brass-support.example"), 390, 0.2, 85, rents_relays=True),
    SampleActor(9, "JUNIPER WASP", "BR", "Financial", "stealer", CYBERCRIME, ("Retail", "Hospitality", "Gambling"),
          ("BR", "PT", "ES", "US"), ("T1555.003", "T1539", "T1204.002", "T1583.008"), ("POLLENGRAB",),
          ("promo-juniper.example", "coupon-wasp.test", "free-codec.example.net"), 280, 0.2, 95),
    SampleActor(10, "CINDER OTTER", "TR", "Ideology", "flood", CYBERCRIME,
          ("Government", "Transportation & Logistics", "Banking & Financial Services"),
          ("NL", "SE", "DE", "DK"), ("T1498.001", "T1499.002"), ("TALLOWBOT",),
          ("otter-board.example",), 240, 0.2, 0),
    SampleActor(11, "STATIC FINCH", "", "Financial", "flood", CYBERCRIME, ("Gaming", "Gambling", "Telecommunications"),
          ("US", "GB", "BR", "SG", "NL"), ("T1498.002", "T1499.001"), ("TALLOWBOT",),
          ("finch-panel.example", "stress-test.example.net"), 400, 0.1, 0),
    SampleActor(12, "ROOK AND THIMBLE", "RO", "Financial", "access", CYBERCRIME,
          ("IT Services", "Healthcare", "Real Estate"),
          ("US", "IT", "ES", "AU"), ("T1133", "T1078", "T1110.004"), ("THIMBLEDOOR",),
          ("thimble-market.invalid", "rook-vpn.example"), 330, 0.6, 60),
    SampleActor(13, "OPAL FERRET", "IN", "Espionage", "spear", APT, ("Legal Services", "Consulting", "Pharmaceuticals"),
          ("GB", "AE", "CH", "SG"), ("T1566.002", "T1598.003", "T1114.002"), ("MILKSTONE",),
          ("opal-docs.example", "share-notice.example.com"), 350, 2.0, 40),
    SampleActor(14, "VELOUR CICADA", "", "Espionage", "exploit", APT, ("Insurance", "Automotive"),
          ("DE", "CZ", "SE"), ("T1190", "T1505.003", "T1071.001"), ("FELTHAMMER",),
          ("cicada-sync.example", "velour-edge.test"), 9.5, 0.1, 22),
    SampleActor(15, "FALLOW BADGER", "AR", "Financial", "ransom", CYBERCRIME, ("Agriculture", "Food & Beverage"),
          ("US", "BR", "NZ", "FR"), ("T1133", "T1486", "T1490"), ("SILOLOCK",),
          ("badger-silo.example", "harvest-portal.example.net"), 200, 0.9, 35),
)  # fmt: skip

ACTORS_BY_NAME = {actor.name: actor for actor in ACTORS}
