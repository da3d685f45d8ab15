"""What stands before the server: only what the page needs gets through, and nothing too large.

gradio's server can do more than this page wants: serve files, take uploads into a folder, act
as a proxy. None of it can be reached from outside here.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY = 32 << 20  # bytes of a request: an upload of 20 MiB in base64, and some pictures
READ = re.compile(
    r"/|/config/?|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt|/pwa_icon(/\d+)?"
    r"|/assets/[\w.-]+|/static/[\w./-]+|/svelte/[\w./-]+"
    r"|/gradio_api/(info/?|app_id/?|theme\.css|startup-events|heartbeat/\w+)"
)
ASK = re.compile(r"/gradio_api/component_server/?")
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' data: blob:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'"
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class Guard:
    """ASGI middleware that refuses other paths, other hosts and bodies that are too large."""

    def __init__(self, app: App, hosts: frozenset[str] = frozenset()):
        """hosts: names under which the server may be asked for, or any where there are none.

        A page of another site whose name leads to this machine asks under that name.
        """
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal:
            await _refuse(send, *refusal)
            return
        taken = 0

        async def limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > BODY:  # of a body that did not say its length
                return {"type": "http.disconnect"}
            return message

        async def secured(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in HEADERS}
                kept = [pair for pair in message["headers"] if pair[0].lower() not in own]
                message = {**message, "headers": [*kept, *HEADERS]}
            await send(message)

        await self.app(scope, limited, secured)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        if scope["type"] != "http":
            return 403, "there are no sockets here"
        headers = {name.lower(): value for name, value in scope["headers"]}
        host = headers.get(b"host", b"").decode("latin-1")
        if self.hosts and re.sub(r":\d+$", "", host) not in self.hosts:
            return 403, "the explorer is asked for under another name than its own"
        method, path = scope["method"], scope["path"]
        known = {"GET": READ, "HEAD": READ, "POST": ASK}.get(method)
        if known is None or ".." in path or not known.fullmatch(path):
            return 404, "there is nothing here"
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length) > BODY:
            return 413, f"a request may have {BODY >> 20} MiB"
        return None


async def _refuse(send: Send, status: int, said: str) -> None:
    body = f'{{"error": "{said}"}}'.encode()
    headers = [(b"content-type", b"application/json"), *HEADERS]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
