"""Words of events against those of the account: which was meant, and how an unknown one is refused."""

from collections.abc import Sequence
from dataclasses import dataclass

from cf1_mcp.api.vocabulary import Kind, Vocabulary
from cf1_mcp.errors import BadArgument, list_words
from cf1_mcp.models import Country
from cf1_mcp.policy.read_policy import ReadPolicy
from cf1_mcp.search.words.countries import find_country, list_members
from cf1_mcp.search.words.spelling import GROUP, AccountSpelling, load_spelling
from cf1_mcp.search.words.suggestions import suggest_words
from cf1_mcp.text.limits import MAX_NAME_LENGTH
from cf1_mcp.text.sanitize import clean


@dataclass
class AttackerNames:
    """The names by which the events of the account call actors. They are read once, for the first name."""

    _spelling: AccountSpelling | None = None

    async def spell(self, text: str, vocabulary: Vocabulary, policy: ReadPolicy) -> str:
        """Return the name by which events call an actor, if it is one and the text is another spelling or alias of it.

        Any other name is returned as it is: it may be one that is new.
        """
        if self._spelling is None:
            self._spelling = await load_spelling(vocabulary, policy, ["attacker"])
        found = self._spelling.read("attacker", text)
        is_kept = found.unknown or text in found.spellings or len(found.spellings) != 1
        return text if is_kept else str(found.spellings[0])


def unknown_account_word(argument: str, text: str, kind: Kind, shown: Sequence[str]) -> BadArgument:
    """Return the error for a word that the account does not know, with those that may be shown, the nearest first."""
    return _unknown(argument, text, suggest_words(text, shown, kind), shown, "a word that the account knows")


def unknown_country(argument: str, text: str, known: Sequence[Country]) -> BadArgument:
    """Return the error for a country that the account does not list."""
    typed = repr(clean(text, MAX_NAME_LENGTH))
    if members := list_members(text):
        listed = [country.name for country in known if country.alpha2 in members]
        return BadArgument(argument, f"{typed} {GROUP}", "one country", list_words(listed, most=30))
    if code := find_country(text):
        problem = f"{typed}{'' if code == text.strip().upper() else f' ({code})'} is not among the account's countries"
        return BadArgument(argument, problem, "a country from list_threat_vocabulary, kind countries")
    close = suggest_words(text, [country.name for country in known], "countries")
    return _unknown(argument, text, close, (), "an ISO code of two letters such as US, or a name")


def _unknown(argument: str, text: str, close: Sequence[str], others: Sequence[str], valid: str) -> BadArgument:
    hint = ", did you mean the first of these?" if close else ""
    words = [clean(word, MAX_NAME_LENGTH) for word in (*close, *others)]
    problem = f"the account does not know {clean(text, MAX_NAME_LENGTH)!r}{hint}"
    return BadArgument(argument, problem, "one of these" if others else valid, list_words(words))
