"""The way to a cluster: its address, certificates, and whether anybody answers there."""

from __future__ import annotations

import contextlib
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from nncli.errors import NncliError, OptionError

SECONDS = 10  # in which a cluster has to answer


@dataclass(frozen=True)
class Tls:
    """The files of an encrypted connection: who is trusted, who we are, and our key."""

    ca: str
    cert: str
    key: str

    def context(self) -> ssl.SSLContext:
        """OptionError for files that are no certificates, or do not belong together."""
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except (ssl.SSLError, OSError) as error:
            raise OptionError("tls_ca", f"{self.ca} has no certificate that can be read: {_reason(error)}") from None
        try:
            context.load_cert_chain(self.cert, self.key)
        except (ssl.SSLError, OSError) as error:
            problem = f"{self.cert} and {self.key} are no certificate with its key: {_reason(error)}"
            raise OptionError("tls_cert", problem) from None
        context.check_hostname = False  # whoever has a certificate of this authority belongs to the cluster
        return context


def check_address(address: str, tls: Tls | None, insecure: bool) -> SplitResult:
    """Reads an address; OptionError for what is none, and for one whose cluster anybody can join, unless
    `insecure`."""
    try:
        parts = urlsplit(address)
        whole = parts.scheme in ("tcp", "tls") and parts.hostname and parts.port
    except ValueError:
        whole = False
    if not whole:
        raise OptionError("cluster", f"expected tcp://host:8786 or tls://host:8786, found '{address}'")
    if (parts.scheme == "tls") != (tls is not None):
        raise OptionError(
            "cluster", "an encrypted connection needs both a tls:// address and its files",
            "Give --tls-ca, --tls-cert and --tls-key with tls://, and leave them out with tcp://",
        )  # fmt: skip
    if parts.scheme == "tls" and insecure:
        raise OptionError("insecure", "the connection is encrypted", "Leave it out")
    if parts.scheme == "tcp" and not insecure:
        raise OptionError(
            "cluster", "whoever can reach a tcp:// port, as every user of the machine it is on can, may join its "
            "cluster, read the data and run programs on its workers",
            "Use tls://, or add --insecure where you trust all of them",
        )  # fmt: skip
    return parts


def reach(address: str, parts: SplitResult, tls: Tls | None) -> None:
    """Tries the connection once; NncliError where there is none, in a word that says why: Dask would try again and
    again."""
    context = tls and tls.context()
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=SECONDS) as plain:
            if tls and context:
                _greet(address, plain, tls, context)
    except socket.gaierror:
        raise NncliError(address, f"there is no machine called {parts.hostname}", "Look at the address") from None
    except OSError as error:
        reason = _reason(error)
        raise NncliError(
            address, f"cannot reach the cluster within {SECONDS} s: nobody answers ({reason})", "Start it"
        ) from None


def _greet(address: str, plain: socket.socket, tls: Tls, context: ssl.SSLContext) -> None:
    """Exchanges certificates; NncliError where one of the two sides does not accept that of the other."""
    try:
        connection = context.wrap_socket(plain)
    except ssl.SSLCertVerificationError as error:
        problem = f"the certificate of the scheduler is not of the authority in {tls.ca}: {error.verify_message}"
        raise NncliError(address, problem, "Give the --tls-ca that it was started with") from None
    except ssl.SSLError as error:
        if "ALERT" in (error.reason or ""):  # the other side says so
            raise _refused(address, tls, error) from None
        problem = f"no encrypted connection: {_reason(error)}"
        raise NncliError(address, problem, "Look at whether the scheduler has tls://") from None
    with connection:
        try:
            # whether ours is accepted is not part of the handshake since TLS 1.3, and is heard with the first bytes
            with contextlib.suppress(TimeoutError):
                connection.recv(1)
        except (ssl.SSLError, ConnectionResetError) as error:
            raise _refused(address, tls, error) from None


def _refused(address: str, tls: Tls, error: OSError) -> NncliError:
    problem = f"the scheduler refuses the certificate in {tls.cert}: {_reason(error)}"
    return NncliError(address, problem, "Give one of the authority of the cluster, with --tls-cert and --tls-key")


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0].lower()
