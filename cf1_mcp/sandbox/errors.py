"""What the sandbox refuses, and with which status.

RequestRejected
├── BadRequest   400, the API's own
└── ResourceNotFound     404, the API's own
BadRecord        a ValueError: a line or record of a file that cannot be loaded
"""


class RequestRejected(Exception):
    """The request is answered with an error. `code` is set only where a gateway before the API would answer."""

    status = 400

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class BadRequest(RequestRejected):
    """The API's answer to a request that it does not accept: status 400, no code."""


class ResourceNotFound(RequestRejected):
    """The API's answer to an id that it does not know, where the reference documents 404."""

    status = 404


class BadRecord(ValueError):
    """A record that cannot be loaded; the text names it and says what to do."""
