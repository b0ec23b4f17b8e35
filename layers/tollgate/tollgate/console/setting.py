"""Setting: where the console is reachable and whom it trusts to say who somebody is.

Always true: outside of the local installation, neither the console's own address nor its identity provider's is plain
http, and without a provider nobody gets in: there is no other way to sign in.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from tollgate.domain.errors import RetryLater


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """``url``: the public address, without a path. ``roles_claim``: the claim of the token that lists the groups.

    ``local`` is the installation on a developer's machine, the only one that may speak plain http.
    """

    url: str
    issuer: str
    client_id: str
    roles_claim: str = "cognito:groups"
    local: bool = False

    def checked(self) -> Setting:
        """Itself, when people can sign in here. Raises RetryLater: ops has not set it up (safely) yet."""
        if not (self.client_id and self._fine(self.url) and self._fine(self.issuer)):
            raise RetryLater("sign-in is not set up: ConsoleUrl, OidcIssuer and OidcClientId are needed, with https")
        return self

    def _fine(self, address: str) -> bool:
        parts = urlsplit(address)
        return bool(parts.hostname) and (parts.scheme == "https" or (self.local and parts.scheme == "http"))

    @property
    def secure(self) -> bool:
        """Whether browsers reach it by https; anywhere but locally they must."""
        return not self.local or self.url.startswith("https:")

    @property
    def callback(self) -> str:
        """Where the identity provider sends people back to."""
        return f"{self.url}/console/signed-in"
