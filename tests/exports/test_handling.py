"""What the handling level promises, in every format."""

import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cf1_mcp.errors import BadArgument
from cf1_mcp.exports import FormatName, Handling, Heading, label, new_export
from cf1_mcp.models import Event, Tlp
from tests.exports.making import EVENT, HEADING, event, export, written

FILES: list[tuple[FormatName, str | None]] = [
    *(("stix2", None), ("taxii", None), ("misp", None), ("csv", None), ("waf", None)),
    *(("blocklist", "domain"), ("gateway", "domain")),
]
MARKINGS = ("clear", "WHITE", "green", "TLP:GREEN", "amber", "", "amber+strict", "amber-strict", "red", "purple", "??")


def marked(markings: Sequence[str]) -> list[Event]:
    """Events that say their number in every field that a file may show."""
    return [
        event(
            f"marked-{place:04}",
            tlp=tlp,
            **dict.fromkeys(("event", "insight", "attacker", "category", "target_industry"), f"marked-{place:04}"),
            indicator=f"marked-{place:04}.example",
            tags=[f"marked-{place:04}"],
        )
        for place, tlp in enumerate(markings)
    ]


@pytest.mark.parametrize(("name", "kind"), FILES)
@settings(max_examples=30, deadline=None)
@given(markings=st.lists(st.sampled_from(MARKINGS), max_size=12), level=st.sampled_from(Tlp))
def test_no_trace_of_an_event_above_the_level_is_in_the_file_and_all_others_are(
    name: FormatName, kind: str | None, markings: list[str], level: Tlp
) -> None:
    file = export(name, level, kind)
    events = marked(markings)
    # Links tell of both their ends.
    links = [(one.uuid, other.uuid) for one in events for other in events[:3]]
    text = written(file, events, links) + "".join(file.further_files())
    admitted = [one for one in events if Tlp.of(one.tlp).rank <= level.rank]
    assert [one.uuid for one in events if one.uuid in text] == [one.uuid for one in admitted]
    assert file.written == len(admitted)
    assert dict(file.left_out) == (
        {f"above {label(level)}": len(events) - len(admitted)} if len(events) > len(admitted) else {}
    )
    assert file.marking is max((Tlp.of(one.tlp) for one in admitted), key=lambda one: one.rank, default=Tlp.CLEAR)


@pytest.mark.parametrize(("name", "kind"), [*FILES, ("navigator", None)])
def test_the_file_carries_its_marking_and_its_source(name: FormatName, kind: str | None) -> None:
    text = written(
        export(name, kind=kind),
        [event("x", tlp="clear", event="", category=""), event("y", tlp="amber-strict", indicator="y.example")],
    )
    assert "amber+strict" in text.lower()
    assert "cf1-mcp sandbox, fictional events" in text


@pytest.mark.parametrize(("name", "kind"), FILES)
def test_a_heading_of_hostile_text_is_harmless(name: FormatName, kind: str | None) -> None:
    heading = Heading("x\n192.0.2.1\n\u202e", "y\r\n=1+1", HEADING.made)
    file = new_export(name, Handling(Tlp.RED), heading, kind)
    plain = export(name, kind=kind)
    assert len(written(file, [EVENT]).splitlines()) == len(written(plain, [EVENT]).splitlines())


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("blocklist", None, "kind: a list holds one kind of value. Use ip, domain, url or hash."),
        ("blocklist", "fax", "kind: there is no list of 'fax'. Use ip, domain, url or hash."),
        ("gateway", "hash", "kind: there is no list of 'hash'. Use ip, domain or url."),
        ("stix2", "ip", "kind: a stix2 file holds every kind. Use it with blocklist or gateway, or leave it out."),
    ],
)
def test_a_kind_that_cannot_be_is_refused(name: FormatName, kind: str | None, said: str) -> None:
    with pytest.raises(BadArgument) as refused:
        export(name, kind=kind)
    assert str(refused.value) == said


def test_memory_holds_little_more_than_the_ids_of_the_events() -> None:
    """An event is some 2,700 bytes of STIX; less than 200 stay until the tail."""
    few, many = (_peak(count) for count in (500, 2_000))
    assert (many - few) / 1_500 < 200


def _peak(count: int) -> int:
    """Bytes at most in use while so many events go through a bundle."""
    tracemalloc.start()
    file = export("stix2")
    file.head()
    for place in range(count):
        file.add(event(f"00000000-0000-4000-8000-{place:012}", indicator=f"h{place}.example"))
    for _ in file.tail():
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak
