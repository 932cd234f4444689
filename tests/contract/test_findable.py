"""Hosts hide schemas and find tools by their words: the right tool is among the first three, and a destructive tool is
never first for a question that only reads."""

import math
import re
from collections import Counter
from collections.abc import Callable

from mcp.server.mcpserver.tools import Tool

from cf1_mcp.server.mcp_server import offered_tools
from cf1_mcp.settings import Settings
from tests.contract.questions import QUESTIONS
from tests.contract.schema_lint import walk

TOOLS = {tool.name: tool for tool in offered_tools(Settings(mode="full"))}
READING = [question for question in QUESTIONS if (hints := TOOLS[question.tool].annotations) and hints.read_only_hint]
# The share of questions that must find their tool among the first three.
MIN_HITS = 0.85
DESTRUCTION = re.compile(r"delet|undo|revert|remov|wip|eras|destr|roll ?back|restor", re.IGNORECASE)


def words(text: str) -> list[str]:
    """Return the lower-case words of a text, plurals made singular."""
    found = re.findall(r"[a-z0-9]+", text.lower())
    return [re.sub(r"(?<=..[^su])s$", "", re.sub(r"ies$", "y", word)) for word in found]


def indexed_words(tool: Tool) -> list[str]:
    """Return what a host indexes: the tool's name, title and description, and the names and descriptions of its arguments."""
    arguments = [f"{path.rsplit('.', 1)[-1]} {part.get('description', '')}" for path, part in walk(tool.parameters, "")]
    return words(" ".join([tool.name, tool.title or "", tool.description, *arguments]))


class Bm25:
    """Okapi BM25 with its usual constants, over the tools."""

    K1, B = 1.2, 0.75

    def __init__(self, documents: dict[str, list[str]]) -> None:
        self.counts = {name: Counter(document) for name, document in documents.items()}
        self.mean = sum(map(len, documents.values())) / len(documents)

    def best(self, question: str) -> list[str]:
        """Return all names, the best match first."""
        scores = {
            name: sum(self._score(word, counts) for word in words(question)) for name, counts in self.counts.items()
        }
        return sorted(scores, key=lambda name: -scores[name])

    def _score(self, word: str, counts: Counter[str]) -> float:
        having = sum(word in other for other in self.counts.values())
        weight = math.log(1 + (len(self.counts) - having + 0.5) / (having + 0.5))
        length = 1 - self.B + self.B * counts.total() / self.mean
        return weight * counts[word] * (self.K1 + 1) / (counts[word] + self.K1 * length)


BM25 = Bm25({name: indexed_words(tool) for name, tool in TOOLS.items()})


def destructive(name: str) -> bool:
    hints = TOOLS[name].annotations
    return bool(hints and hints.destructive_hint)


def test_the_right_tool_is_among_the_first_three(record_property: Callable[[str, object], None]) -> None:
    missed = [question for question in QUESTIONS if question.tool not in BM25.best(question.words)[:3]]
    hits = 1 - len(missed) / len(QUESTIONS)
    record_property("tools found by BM25 among the first three", f"{hits:.3f} of {len(QUESTIONS)} questions")
    assert hits >= MIN_HITS, [(question.words, BM25.best(question.words)[:3]) for question in missed]


def test_no_destructive_tool_comes_first_for_a_reading_question() -> None:
    first = {question.words: BM25.best(question.words)[0] for question in READING}
    assert {words: name for words, name in first.items() if destructive(name)} == {}


def test_the_questions_cover_every_tool_and_every_role() -> None:
    assert {question.tool for question in QUESTIONS} == set(TOOLS)
    assert Counter(question.who for question in QUESTIONS).keys() == {"analyst", "engineer", "manager", "operator"}
    assert len(QUESTIONS) >= 60
    assert sum(bool(DESTRUCTION.search(question.words)) for question in READING) >= 15
