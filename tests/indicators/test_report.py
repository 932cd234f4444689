"""A whole vendor report. Its names are reserved for documentation and its story is fictional."""

from inline_snapshot import snapshot

from tests.indicators.summaries import summarize

REPORT = """\
# Paper Heron returns with a quieter loader

*Published by the Harbour Research Team. Contact: research@harbour.example. Earlier posts:
https://www.harbour.example/blog/paper-heron-2025 and [our detection rules](https://github.com/harbour/rules).*

## Summary

In early March the actor that we track as Paper Heron sent invoices (invoice.pdf, Rechnung_0412.docx) from
billing[@]accounts-portal[.]example to staff of two ports. The attachment fetches setup.py and run.sh from
hxxps://cdn.accounts-portal[.]example/dl/setup.py?id=7 and drops the loader as svchost32.exe. It exploits
CVE-2025-0411 on 7-Zip 24.08 and older; hosts with Agent version 4.18.2301.6, 4.18.2302.7 or later are not affected.
The user agent is "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/120.0.0.0 Safari/537.36".

## Infrastructure

The loader resolves update.paper-heron[.]example, then talks to 192.0.2[.]44:8443 and, failing that, to
198.51.100.0/24 and [2001:db8:5::17]:443. A second stage came from hxxp[:]//203[.]0[.]113[.]9/gate.php. All of them sit in
AS64496. Two samples hold the impossible address 392.0.2[.]9. The domain names www.harbour.example and
update.paper-heron[.]example must not be mixed up.The next stage uses relay[.]paper-heron[.]example/api/v1.

The loader's .NET part calls System.Net.WebClient and com.heron.app; the mutex is
{6f9619ff-8b86-d011-b42d-00cf4fc964ff}. Its TLS client is JA4 t13d1516h2_8daaf6152771_b186095e22b6, its
JA3 is e7d705a3286e19ea42f587b344ee6865.

## Indicators

| type | value | note |
|---|---|---|
| SHA-256 | 2C26B46B68FFC68FF99B453C1D30413413422D706483BFA0F98A5E886266E7AE | svchost32.exe |
| SHA-1 | 0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33 | run.sh |
| MD5 | acbd18db4cc2f85cedef654fccc4a4d8 | setup.py |
| domain | update.paper-heron[.]example | C2 |
| domain | b\u00fccher-ausgabe[.]example | phishing |
| domain | heron[.]zip | download |
| e-mail | billing[at]accounts-portal[dot]example | sender |
| IP | 192.0.2[.]44 | C2 |
| IP | 192[.]0[.]2[.]45 | C2 |

References
1. https://attack.mitre.org/techniques/T1566/001/
2. https://nvd.nist.gov/vuln/detail/CVE-2025-0411
"""


def test_a_vendor_report_is_extracted_as_an_analyst_would() -> None:
    assert summarize(REPORT) == snapshot(
        [
            "368: email billing@accounts-portal.example x2 defanged reserved",
            "475: url https://cdn.accounts-portal.example/dl/setup.py?id=7 defanged reserved",
            "581: cve CVE-2025-0411 x2",
            "832: domain update.paper-heron.example x3 defanged reserved",
            "876: ipv4 192.0.2.44 x2 defanged ports 8443 reserved",
            "916: cidr 198.51.100.0/24 reserved",
            "937: ipv6 2001:db8:5::17 ports 443 reserved",
            "983: url http://203.0.113.9/gate.php defanged reserved",
            "1039: asn AS64496",
            "1212: url relay.paper-heron.example/api/v1 defanged reserved",
            "1395: ja4 t13d1516h2_8daaf6152771_b186095e22b6",
            "1444: ja3 e7d705a3286e19ea42f587b344ee6865",
            "1544: sha256 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
            "1637: sha1 0beec7b5ea3f0fdbc95d0dd47f3c5bc275da8a33",
            "1697: md5 acbd18db4cc2f85cedef654fccc4a4d8",
            "1801: domain xn--bcher-ausgabe-wob.example defanged reserved",
            "1850: domain heron.zip defanged",
            "1970: ipv4 192.0.2.45 defanged reserved",
            "ambiguous 766: ipv4 120.0.0.0 (may be a version number)",
            "reference 95: email research@harbour.example reserved",
            "reference 136: url https://www.harbour.example/blog/paper-heron-2025 reserved",
            "reference 212: url https://github.com/harbour/rules",
            "reference 1118: domain www.harbour.example reserved",
            "reference 2009: url https://attack.mitre.org/techniques/T1566/001/",
            "reference 2059: url https://nvd.nist.gov/vuln/detail/CVE-2025-0411",
            "rejected: 1 end of one sentence and start of the next",
            "rejected: 8 file name",
            "rejected: 1 impossible address",
            "rejected: 1 no such top-level domain",
            "rejected: 1 package or product name",
        ]
    )
