"""What daphne has no bounds for: what clients do not take, bodies, and fewer open files than it has connections."""

import logging
import resource

import daphne.server
from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

from console.lean_http import LeanHTTPFactory

logger = logging.getLogger(__name__)
UNREAD_BYTES_MOST = 4 * 1024 * 1024  # far more than a page that acknowledges leaves unread
FILES_MOST = 65_536


class BoundedWebSocketProtocol(WebSocketProtocol):
    """Drops a client that does not take what it is sent; it may come back and go on where it was.

    Twisted keeps in memory what the system does not take, and calls its producer when that is too much.
    """

    full = False
    unread_bytes = 0

    def connectionMade(self) -> None:  # noqa: N802, Twisted's name
        super().connectionMade()
        self.transport.unregisterProducer()  # the HTTP channel, whose request this connection was
        self.transport.registerProducer(self, True)

    def pauseProducing(self) -> None:  # noqa: N802
        self.full = True

    def resumeProducing(self) -> None:  # noqa: N802
        self.full, self.unread_bytes = False, 0

    def stopProducing(self) -> None:  # noqa: N802
        """The connection is lost, which the protocol hears by itself."""

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:  # noqa: N802, daphne's name
        super().serverSend(content, binary)
        if not self.full:
            return
        self.unread_bytes += len(content)
        if self.unread_bytes > UNREAD_BYTES_MOST:
            logger.warning("live.client_dropped", extra={"unread_bytes": self.unread_bytes})
            self.wasClean, self.wasNotCleanReason = False, "the client does not read"
            self.dropConnection(abort=True)


class BoundedWebSocketFactory(WebSocketFactory):
    protocol = BoundedWebSocketProtocol


def set_bounds() -> None:
    """Before daphne's server runs: it names its factories, there is no setting for them."""
    daphne.server.HTTPFactory = LeanHTTPFactory
    daphne.server.WebSocketFactory = BoundedWebSocketFactory
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES_MOST if hard == resource.RLIM_INFINITY else min(hard, FILES_MOST)
    if soft != resource.RLIM_INFINITY and soft < wanted:  # 1,024 by default, and a waiting client takes one
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
