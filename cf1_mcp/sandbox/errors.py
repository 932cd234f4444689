"""The errors that the sandbox answers with, and the error of a file that cannot be loaded.

RequestRejected
├── BadRequest         400, the API's own
└── ResourceNotFound   404, the API's own
BadRecord              a ValueError: a line or record of a file cannot be loaded
"""


class RequestRejected(Exception):
    """The request is answered with an error. `code` is set only where the gateway in front of the API would answer."""

    status = 400

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class BadRequest(RequestRejected):
    """The API does not accept the request: status 400, no code."""


class ResourceNotFound(RequestRejected):
    """The API does not know an id, on a route whose reference documents 404."""

    status = 404


class BadRecord(ValueError):
    """A record cannot be loaded. The message names the record and says how to continue."""
