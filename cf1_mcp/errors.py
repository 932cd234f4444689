"""The errors of the whole package, worded for the model or operator who must act on them.

Each message is one or two sentences: the cause, the argument it comes from, the valid values, the next step. It never
contains a token, a header, a traceback or an account id. What others wrote (names of datasets, tags and saved queries,
messages of the API, texts of a file) is not part of a sentence: it is passed as `words`, which the server shows between
the marks of untrusted text, and a terminal in parentheses.

    ThreatEventsError
    |- SettingsError          the operator's environment
    |- BadArgument            the caller's argument
    |- Withheld               one of the operator's rules
    |- NotApproved            a person or the operator, who has not approved the change
    |- BadFile                a file, or a text in a file format
    `- ApiError               the response, or its absence
       |- Refused             400, 409, 422
       |- Unauthenticated     401, or 400 with code 6003
       |- Forbidden           403
       |- NotFound            404
       |  `- MissingRoute     405, 410, 501, or any status with code 7000 or 7003
       |     `- DoubtfulRoute a refusal whose words are about a route, or a redirect to another path
       |- UnknownAccount      no route at all for the account id and base
       |- RateLimited         429
       |- Unavailable         5xx, too slow, broken off
       |  `- Unreachable      no connection, so nothing was sent
       `- UnexpectedAnswer    a response that is not of this API
          `- UnknownOutcome   a response to a change that does not tell whether it was made
"""

from collections.abc import Sequence
from difflib import get_close_matches
from heapq import nlargest
from typing import Final

# How similar words are that may be meant for each other, as difflib measures it.
MIN_SIMILARITY: Final = 0.6
# Words whose lengths differ by more than this factor cannot be so similar.
MIN_LENGTH_RATIO: Final = MIN_SIMILARITY / (2 - MIN_SIMILARITY)
MAX_COMPARED_LENGTH: Final = 60
MAX_KNOWN: Final = 10_000
MAX_CANDIDATES: Final = 200
# Statuses by which a request is refused before anything is done. Others, such as 408 and 425, may come from something
# on the way that gave up waiting.
REFUSALS: Final = frozenset({400, 401, 403, 404, 405, 409, 411, 413, 414, 415, 422, 429, 431})
LOOK_FIRST: Final = "It may have been done: look before repeating it."


class ThreatEventsError(Exception):
    """Any expected failure. `sentence` is ours, `words` are untrusted and cleaned by the caller; the text has both."""

    def __init__(self, sentence: str, words: Sequence[str] = ()) -> None:
        super().__init__(f"{sentence} ({'; '.join(words)})" if words else sentence)
        self.sentence = sentence
        self.words = tuple(words)


class SettingsError(ThreatEventsError):
    """A setting is wrong or missing."""


class BadFile(ThreatEventsError):
    """A file cannot be used as it is."""


class BadArgument(ThreatEventsError):
    """An argument cannot be used as it is. `words` are untrusted: valid values that others wrote, or parts of a text.

    >>> raise BadArgument("since", "'yesterdayish' is not a date", "an ISO date or a relative time such as 7d")
    >>> raise BadArgument("tags", "the event has no such tag", "one of these", words=event.tags)
    """

    def __init__(self, argument: str, problem: str, valid: str, words: Sequence[str] = ()) -> None:
        super().__init__(f"{argument}: {_end(problem)} Use {_end(valid)}", words)
        self.argument = argument
        self.problem = problem
        self.valid = valid


class Withheld(ThreatEventsError):
    """A rule of the operator forbids the request. The message names the rule, and never a way around it."""

    def __init__(self, what: str, rule: str, words: Sequence[str] = (), *, allowed: str = "") -> None:
        """`allowed` says how much of it the rule allows."""
        limit = f": {allowed}" if allowed else ""
        forbidden = "more" if allowed else "it"
        sentence = (
            f"{what} is withheld by {rule}{limit}. Tell the person that the operator's setting forbids {forbidden}."
        )
        super().__init__(sentence, words)
        self.rule = rule


class NotApproved(ThreatEventsError):
    """A person or the operator has not approved a change. `next_step` is what the model may do."""

    def __init__(self, cause: str, next_step: str) -> None:
        super().__init__(f"Nothing was changed: {cause}. {next_step}.")


class ApiError(ThreatEventsError):
    """The API did not do what was requested. `status` is the HTTP status, None if there was no response.

    `said` is the API's own message, which is untrusted.
    """

    def __init__(self, message: str, status: int | None = None, said: str = "") -> None:
        super().__init__(message, [f'The API said: "{said}"'] if said else ())
        self.status = status
        self.said = said


class Refused(ApiError):
    """The API rejected the request."""


class Unauthenticated(ApiError):
    """The token is not accepted."""


class Forbidden(ApiError):
    """The token may not do this."""


class NotFound(ApiError):
    """The object does not exist."""


class MissingRoute(NotFound):
    """The API has no route for the operation on this account, so nothing was read or changed."""


class DoubtfulRoute(MissingRoute):
    """The API seems to have no such route, by its words or a redirect. Another one is tried, and none is given up."""


class UnknownAccount(ApiError):
    """The API has no route at all for this account: the account id or the base URL is wrong."""


class RateLimited(ApiError):
    """Too many requests. `retry_after` is in seconds, None if the API did not specify it."""

    def __init__(self, message: str, retry_after: float | None, said: str = "") -> None:
        super().__init__(message, 429, said)
        self.retry_after = retry_after


class Unavailable(ApiError):
    """The API is down, unreachable or too slow."""


class Unreachable(Unavailable):
    """No connection could be made, so nothing was sent."""


class UnexpectedAnswer(ApiError):
    """The response does not have the form that this API documents."""


class UnknownOutcome(UnexpectedAnswer):
    """A change was answered, and the answer does not tell whether it was made.

    `asked` is the operation that was requested. With `denied` the answer says that nothing was changed, though with the
    status of a success. With `beyond` it speaks of more than was asked for, or of something else, which may have been
    changed too.
    """

    def __init__(
        self,
        message: str,
        status: int | None = None,
        said: str = "",
        *,
        asked: str = "",
        denied: bool = False,
        beyond: bool = False,
    ) -> None:
        super().__init__(message if LOOK_FIRST in message else f"{message} {LOOK_FIRST}", status, said)
        self.asked = asked
        self.denied = denied
        self.beyond = beyond


def may_have_been_made(error: Exception) -> bool:
    """Return whether a change may have been made although its request ended with this error.

    Not after a refusal, which comes before anything is done, nor if no connection was made.
    """
    if isinstance(error, Refused):
        return error.status not in REFUSALS
    return isinstance(error, Unavailable | UnexpectedAnswer) and not isinstance(error, Unreachable)


# What a read may fail with that concerns a part of the API which an account need not have.
MISSING_PART: Final = (Forbidden, NotFound, Refused, Unavailable, UnexpectedAnswer)


def nearest(word: str, known: Sequence[str]) -> str | None:
    """Return the known word that is closest to `word`, ignoring case, or None if none is close."""
    return next(iter(similar_words(word, known, 1)), None)


def similar_words(word: str, known: Sequence[str], count: int) -> list[str]:
    """Return up to `count` known words that are close to `word`, ignoring case, the closest first.

    Comparing two words takes time by the product of their lengths, and some accounts know thousands of words. So only
    beginnings are compared, and of many words only those that share most pairs of letters with `word`.
    """
    typed = word[:MAX_COMPARED_LENGTH].casefold()
    shortest, longest = len(typed) * MIN_LENGTH_RATIO, len(typed) / MIN_LENGTH_RATIO
    folded = {name[:MAX_COMPARED_LENGTH].casefold(): name for name in known}
    candidates = [fold for fold in folded if shortest <= len(fold) <= longest][:MAX_KNOWN]
    if len(candidates) > MAX_CANDIDATES:
        pairs = _letter_pairs(typed)
        candidates = nlargest(MAX_CANDIDATES, candidates, key=lambda fold: len(pairs & _letter_pairs(fold)))
    return [folded[fold] for fold in get_close_matches(typed, candidates, n=count, cutoff=MIN_SIMILARITY)]


def _letter_pairs(word: str) -> set[str]:
    return {word[place : place + 2] for place in range(len(word) - 1)}


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return `, did you mean 'x'?` with the nearest known word, or an empty text if none is close.

    It ends the problem of a `BadArgument`. The known words become part of the sentence, so they must be this server's
    own; `unknown_word` is for the words of an account.
    """
    return suggest(nearest(word, known))


def suggest(name: str | None) -> str:
    """Return `, did you mean 'x'?` with a name that was found in another way, or an empty text for None."""
    return f", did you mean {name!r}?" if name else ""


def unknown_word(argument: str, problem: str, word: str, known: Sequence[str], valid: str) -> BadArgument:
    """Return the error for a word that is not among those of an account, which it lists as untrusted, nearest first.

    `known` must be cleaned. `valid` refers to the list as "one of these".
    """
    close = nearest(word, known)
    hint = ", did you mean the first of these?" if close else ""
    return BadArgument(argument, problem + hint, valid, list_words(([close] if close else []) + [*known]))


def list_words(words: Sequence[str], most: int = 12) -> list[str]:
    """Return distinct words as the untrusted part of an error: up to `most` of them, the others are counted."""
    distinct = list(dict.fromkeys(words))
    return distinct[:most] + ([f"and {len(distinct) - most} more"] if len(distinct) > most else [])


def _end(sentence: str) -> str:
    """Return the sentence with its full stop; a suggestion at its end is a question and gets none."""
    return sentence if sentence.endswith("?") else f"{sentence}."


def choices(known: Sequence[str], most: int = 12) -> str:
    """Return words as part of a sentence: `a, b or c`. Words beyond `most` are counted."""
    if len(known) > most:
        return f"{', '.join(known[:most])} or one of {len(known) - most} more"
    return " or ".join(part for part in (", ".join(known[:-1]), *known[-1:]) if part)
