"""Steers a Toxiproxy server, or the embedded proxy, over HTTP.

These are toxiproxy-python's types, so that code written for that package works here too, with what it lacks
to be trusted by a harness: each server has a consumer of its own (there, host and port are global), every
call has a timeout, every refusal raises, and `enabled` is what the server says it is.

A failed call is a PlaceError which names the proxy and the fix; where the package has an exception for the
case (NotFound, ProxyExists, InvalidToxic), it is that one as well.
"""

import threading
from typing import Any
from urllib.parse import quote

import requests
import toxiproxy
from toxiproxy import exceptions
from toxiproxy.toxic import Toxic

from splitbrain.program import PlaceError

TIMEOUT_S = 4.0
"""No call of a healthy server takes a hundredth of this; a wedged one never answers at all."""


class ProxyCallError(PlaceError):
    """The server refused, or did not answer. `status` is the HTTP status; None when there was no answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class MissingError(ProxyCallError, exceptions.NotFound):  # type: ignore[misc]  # The package is untyped.
    """404: no such proxy or toxic."""


class ExistsError(ProxyCallError, exceptions.ProxyExists):  # type: ignore[misc]
    """409: a proxy or toxic of that name is there already."""


class InvalidError(ProxyCallError, exceptions.InvalidToxic):  # type: ignore[misc]
    """400: the server does not understand the request."""


class Consumer:
    """One server's HTTP interface: one kept-alive session, used by one thread at a time."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        self.timeout_s = timeout_s
        self._lock = threading.Lock()
        self._session = requests.Session()
        # A proxy for web traffic in the environment must not get between the harness and loopback.
        self._session.trust_env = False

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer; None where there is no content. Raises ProxyCallError."""
        what = f"{method} {path}"
        try:
            with self._lock:
                answer = self._session.request(method, self.url + path, json=body, timeout=self.timeout_s)
        except requests.Timeout:
            raise ProxyCallError(
                f"the proxy server at {self.url} did not answer {what} within {self.timeout_s:g} s: "
                "it hangs; restart it"
            ) from None
        except requests.RequestException as error:
            raise ProxyCallError(
                f"the proxy server at {self.url} cannot be reached for {what} ({type(error).__name__}); "
                "is it running? start the cluster again"
            ) from None
        if answer.status_code >= 400:
            raise _refusal(answer, what)
        return answer.json() if answer.content else None

    def close(self) -> None:
        """Close the session's connections."""
        self._session.close()


def _refusal(answer: requests.Response, what: str) -> ProxyCallError:
    try:
        message = str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        message = answer.text.strip()[:200] or answer.reason
    text = f"the proxy server refused {what}: {message} (HTTP {answer.status_code}){_fix(message)}"
    kinds = {404: MissingError, 409: ExistsError, 400: InvalidError}
    return kinds.get(answer.status_code, ProxyCallError)(text, answer.status_code)


def _fix(message: str) -> str:
    if "address already in use" in message.lower():
        return "; another program took the port: stop that program, or run again to get other ports"
    return ""


def _path(*parts: str) -> str:
    return "/" + "/".join(quote(part, safe="") for part in parts)


class ServerProxy(toxiproxy.Proxy):  # type: ignore[misc]
    """One proxy of one server."""

    def __init__(self, consumer: Consumer, values: dict[str, Any]) -> None:
        super().__init__(**values)
        self._consumer = consumer

    def toxics(self) -> dict[str, Toxic]:
        """All toxics of this proxy, by name."""
        found = self._consumer.call("GET", _path("proxies", self.name, "toxics"))
        return {toxic["name"]: Toxic(**toxic) for toxic in found}

    def add_toxic(self, **values: Any) -> Toxic:
        """Add a toxic: `type`, and where wanted `name, stream, toxicity, attributes`."""
        return Toxic(**self._consumer.call("POST", _path("proxies", self.name, "toxics"), values))

    def update_toxic(self, name: str, **values: Any) -> Toxic:
        """Change `attributes` or `toxicity` of a toxic."""
        path = _path("proxies", self.name, "toxics", name)
        try:
            return Toxic(**self._consumer.call("PATCH", path, values))
        except ProxyCallError as error:
            if error.status != 405:  # Servers before 2.6 know POST only.
                raise
            return Toxic(**self._consumer.call("POST", path, values))

    def destroy_toxic(self, toxic_name: str) -> bool:
        """Remove a toxic. Raises MissingError when there is none of that name."""
        self._consumer.call("DELETE", _path("proxies", self.name, "toxics", toxic_name))
        return True

    def destroy(self) -> bool:
        """Remove this proxy from the server."""
        self._consumer.call("DELETE", _path("proxies", self.name))
        return True

    def disable(self) -> None:
        """Stop listening; break all connections."""
        self._switch(False)

    def enable(self) -> None:
        """Listen again. Raises ProxyCallError when the port was taken meanwhile."""
        self._switch(True)

    def _switch(self, enabled: bool) -> None:
        # POST is understood by every version of the server.
        values = self._consumer.call("POST", _path("proxies", self.name), {"enabled": enabled})
        self.enabled = values["enabled"]
        if self.enabled is not enabled:
            raise ProxyCallError(f"proxy {self.name} did not become {'enabled' if enabled else 'disabled'}")


class ToxiproxyServer(toxiproxy.Toxiproxy):  # type: ignore[misc]
    """One server: `ToxiproxyServer("http://127.0.0.1:8474")`."""

    def __init__(self, url: str, timeout_s: float = TIMEOUT_S) -> None:
        self._consumer = Consumer(url, timeout_s)

    @property
    def url(self) -> str:
        """Where the server's interface is."""
        return self._consumer.url

    def proxies(self) -> dict[str, ServerProxy]:
        """All proxies, by name."""
        found = self._consumer.call("GET", "/proxies")
        return {name: ServerProxy(self._consumer, values) for name, values in found.items()}

    def get_proxy(self, proxy_name: str) -> ServerProxy | None:
        """The proxy, or None."""
        try:
            return ServerProxy(self._consumer, self._consumer.call("GET", _path("proxies", proxy_name)))
        except MissingError:
            return None

    def disturbed(self) -> list[str]:
        """The names of the proxies that are disabled or have toxics."""
        found = self._consumer.call("GET", "/proxies")
        return [name for name, values in found.items() if not values["enabled"] or values["toxics"]]

    def running(self) -> bool:
        """Does the server answer?"""
        try:
            self._consumer.call("GET", "/version")
        except ProxyCallError:
            return False
        return True

    def version(self) -> str:
        """The server's version. Raises ProxyCallError when it does not answer."""
        return str(self._consumer.call("GET", "/version")["version"])

    def reset(self) -> bool:
        """Enable every proxy and remove every toxic."""
        self._consumer.call("POST", "/reset")
        return True

    def create(
        self, upstream: str, name: str, listen: str | None = None, enabled: bool | None = None
    ) -> ServerProxy:
        """Create a proxy; without `listen` on a free port of loopback."""
        body = {"upstream": upstream, "name": name, "listen": listen or "127.0.0.1:0"}
        extra = {} if enabled is None else {"enabled": enabled}
        return ServerProxy(self._consumer, self._consumer.call("POST", "/proxies", body | extra))

    def populate(self, proxies: list[dict[str, Any]]) -> list[ServerProxy]:
        """Create or replace many proxies in one call; the answer holds them all."""
        answer = self._consumer.call("POST", "/populate", proxies)
        return [ServerProxy(self._consumer, values) for values in answer["proxies"]]

    def destroy(self, proxy: toxiproxy.Proxy) -> bool:
        """Remove a proxy."""
        self._consumer.call("DELETE", _path("proxies", proxy.name))
        return True

    def destroy_all(self) -> None:
        """Remove all proxies."""
        for proxy in self.proxies().values():
            self.destroy(proxy)

    def close(self) -> None:
        """Close the connections to the server's interface; the server goes on."""
        self._consumer.close()
