"""What there is to say about an answer beyond the answer itself, collected while one call is answered.

The client remarks that the API left something out; whoever reads its answers remarks what could not be read. The border
of a call (`contracts/tool.py`) collects the remarks and adds those that may be told to the answer. Without a collector,
as in the commands, remarks are dropped.
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from cf1_mcp.text.sanitize import clean

# Of each kind. An API that repeats itself in other words must not fill the answer.
MAX_REMARKS: Final = 12
MAX_QUOTE_LENGTH: Final = 300
MAX_KEPT: Final = 100_000


@dataclass
class Remarks:
    """The remarks on one call, each once and in their order.

    `sentences` are this server's own, `quotes` are cleaned words of the API. `failed` and `partly_failed` are datasets,
    as the API names them, that it could not search, or not all of; `incomplete` is set if it says that something is
    missing, `is_cut` if it ended an answer early. `odd_fields` are the fields of events that may be shown which could
    not be read, by event; `left_out` are rows that are no events, by a key of each. `unread_rows` counts rows of other
    lists by the operation that lists them; those of `judged_rows` are of lists of which something may be withheld.
    """

    sentences: dict[str, None] = field(default_factory=dict[str, None])
    quotes: dict[str, None] = field(default_factory=dict[str, None])
    failed: dict[str, None] = field(default_factory=dict[str, None])
    partly_failed: dict[str, None] = field(default_factory=dict[str, None])
    incomplete: bool = False
    is_cut: bool = False
    odd_fields: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    left_out: dict[str, None] = field(default_factory=dict[str, None])
    unread_rows: dict[str, int] = field(default_factory=dict[str, int])
    judged_rows: dict[str, int] = field(default_factory=dict[str, int])

    def __bool__(self) -> bool:
        rows = self.left_out or self.unread_rows or self.judged_rows
        return any((self.is_incomplete, self.sentences, self.quotes, self.odd_fields, rows))

    @property
    def is_incomplete(self) -> bool:
        """Whether the API could not search everything, so that "nothing found" means less."""
        return bool(self.failed or self.partly_failed or self.incomplete)

    @property
    def tells_loss(self) -> bool:
        """Whether something is missing in what the API answered, for those who must know all of it."""
        return bool(self.is_incomplete or self.is_cut or self.unread_rows or self.judged_rows)

    def add(self, others: "Remarks") -> None:
        """Add the remarks of another collector, such as those on an answer that was read for an earlier call."""
        for sentence in others.sentences:
            _put(self.sentences, sentence)
        for words in others.quotes:
            _put(self.quotes, words)
        self.incomplete = self.incomplete or others.incomplete
        self.is_cut = self.is_cut or others.is_cut
        self.failed |= others.failed
        self.partly_failed |= others.partly_failed
        self.odd_fields |= others.odd_fields
        self.left_out |= others.left_out
        self.unread_rows |= others.unread_rows
        self.judged_rows |= others.judged_rows


_collector: ContextVar[Remarks | None] = ContextVar("remarks", default=None)


@contextmanager
def collecting() -> Generator[Remarks]:
    """Collect the remarks of a block, and of the tasks that it starts. Collectors outside get none of them."""
    remarks = Remarks()
    token = _collector.set(remarks)
    try:
        yield remarks
    finally:
        _collector.reset(token)


@contextmanager
def watching() -> Generator[Remarks]:
    """Collect the remarks of a block apart from those of the call, which gets them when the block ends."""
    call = current_remarks()
    with collecting() as remarks:
        try:
            yield remarks
        finally:
            call.add(remarks)


def current_remarks() -> Remarks:
    """Return the remarks on this call so far; without a collector an empty object that nobody reads."""
    remarks = _collector.get()
    return Remarks() if remarks is None else remarks


def remark(sentence: str) -> None:
    """Add a sentence of this server. It must hold whatever is withheld, and contain no word of others."""
    if (remarks := _collector.get()) is not None:
        _put(remarks.sentences, sentence)


def remark_cut(sentence: str) -> None:
    """Add a sentence of this server which says that the API ended an answer early."""
    remark(sentence)
    if (remarks := _collector.get()) is not None:
        remarks.is_cut = True


def quote(words: str) -> None:
    """Add words of the API. They are shown as untrusted, and only where they tell nothing that is withheld."""
    if (remarks := _collector.get()) is not None and words.strip():
        _put(remarks.quotes, clean(words, MAX_QUOTE_LENGTH))


def remark_failures(datasets: Iterable[str], *, partly: bool = False) -> None:
    """Add datasets, by uuid or name, that the API could not search; `partly`, that it could search in part."""
    if (remarks := _collector.get()) is not None:
        for dataset in datasets:
            _put(remarks.partly_failed if partly else remarks.failed, dataset, MAX_KEPT)


def remark_incomplete() -> None:
    """Add that the API says that its answer is not complete."""
    if (remarks := _collector.get()) is not None:
        remarks.incomplete = True


def remark_odd_fields(event_id: str, names: Iterable[str]) -> None:
    """Add fields of an event that could not be read. The event must be one that may be shown."""
    remarks, fields = _collector.get(), frozenset(names)
    if remarks is not None and fields and len(remarks.odd_fields) < MAX_KEPT:
        remarks.odd_fields[event_id] = remarks.odd_fields.get(event_id, frozenset()) | fields


def remark_left_out(rows: Iterable[str]) -> None:
    """Add rows, by a key of each, that are no events. They must be rows of which a caller may know."""
    if (remarks := _collector.get()) is not None:
        for row in rows:
            _put(remarks.left_out, row, MAX_KEPT)


def remark_unread_rows(operation: str, count: int, *, judged: bool) -> None:
    """Add rows of a list that could not be read. `judged`: they may be rows that are withheld."""
    if (remarks := _collector.get()) is not None:
        counts = remarks.judged_rows if judged else remarks.unread_rows
        counts[operation] = max(count, counts.get(operation, 0))


def _put(kept: dict[str, None], text: str, most: int = MAX_REMARKS) -> None:
    if len(kept) < most:
        kept[text] = None
