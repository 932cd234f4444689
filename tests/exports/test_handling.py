"""The guarantees of the highest TLP level of a file, in every format."""

import tracemalloc
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cf1_mcp.errors import BadArgument
from cf1_mcp.exports import FileHeading, FormatName, create_export_file, tlp_label
from cf1_mcp.models import Event, Tlp
from tests.exports.files import EVENT, HEADING, empty_file, make_event, render_file

FILES: list[tuple[FormatName, str | None]] = [
    *(
        ("stix2", None),
        ("taxii", None),
        ("misp", None),
        ("csv", None),
        ("waf", None),
        ("sigma", None),
        ("suricata", None),
    ),
    *(("blocklist", "domain"), ("gateway", "domain")),
]
MARKINGS = ("clear", "WHITE", "green", "TLP:GREEN", "amber", "", "amber+strict", "amber-strict", "red", "purple", "??")


def marked(markings: Sequence[str]) -> list[Event]:
    """Events with their number in every field that a file may show."""
    return [
        make_event(
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
    file = empty_file(name, level, kind)
    events = marked(markings)
    # Links reveal both of their ends.
    links = [(one.uuid, other.uuid) for one in events for other in events[:3]]
    text = render_file(file, events, links) + "".join(file.further_files())
    admitted = [one for one in events if Tlp.of(one.tlp).rank <= level.rank]
    assert [one.uuid for one in events if one.uuid in text] == [one.uuid for one in admitted]
    assert file.event_count == len(admitted)
    assert dict(file.left_out) == (
        {f"above {tlp_label(level)}": len(events) - len(admitted)} if len(events) > len(admitted) else {}
    )
    assert file.marking is max((Tlp.of(one.tlp) for one in admitted), key=lambda one: one.rank, default=Tlp.CLEAR)


@pytest.mark.parametrize(("name", "kind"), [*FILES, ("navigator", None)])
def test_a_file_contains_its_marking_and_its_source(name: FormatName, kind: str | None) -> None:
    text = render_file(
        empty_file(name, kind=kind),
        [
            make_event("x", tlp="clear", event="", category=""),
            make_event("y", tlp="amber-strict", indicator="y.example"),
        ],
    )
    assert "amber+strict" in text.lower()
    assert "cf1-mcp sandbox, fictional events" in text


@pytest.mark.parametrize(("name", "kind"), FILES)
def test_a_heading_of_hostile_text_is_harmless(name: FormatName, kind: str | None) -> None:
    heading = FileHeading("x\n192.0.2.1\n\u202e", "y\r\n=1+1", HEADING.created)
    file = create_export_file(name, Tlp.RED, heading, kind)
    plain = empty_file(name, kind=kind)
    assert len(render_file(file, [EVENT]).splitlines()) == len(render_file(plain, [EVENT]).splitlines())


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("blocklist", None, "kind: a list contains one kind of value. Use ip, domain, url or hash."),
        ("blocklist", "fax", "kind: 'fax' is not a kind of list. Use ip, domain, url or hash."),
        ("gateway", "hash", "kind: 'hash' is not a kind of list. Use ip, domain or url."),
        ("stix2", "ip", "kind: a stix2 file contains all kinds. Use it with blocklist or gateway, or leave it out."),
    ],
)
def test_an_impossible_kind_is_refused(name: FormatName, kind: str | None, message: str) -> None:
    with pytest.raises(BadArgument) as refused:
        empty_file(name, kind=kind)
    assert str(refused.value) == message


def test_memory_contains_little_more_than_the_ids_of_the_events() -> None:
    """An event is about 2,700 bytes of STIX; less than 200 bytes are kept until the tail."""
    few, many = (_peak(count) for count in (500, 2_000))
    assert (many - few) / 1_500 < 200


def _peak(count: int) -> int:
    """The peak memory in bytes while this many events are added to a bundle."""
    tracemalloc.start()
    file = empty_file("stix2")
    file.head()
    for place in range(count):
        file.add(make_event(f"00000000-0000-4000-8000-{place:012}", indicator=f"h{place}.example"))
    for _ in file.tail():
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak
