"""Connect to a cluster: check the address and the certificates, and try whether a scheduler is there."""

from __future__ import annotations

import contextlib
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from nncli.errors import NncliError, OptionError

SECONDS = 10  # within which a cluster has to reply


@dataclass(frozen=True)
class Tls:
    """The files of an encrypted connection: the trusted authority, our certificate, and its key."""

    ca: str
    cert: str
    key: str

    def context(self) -> ssl.SSLContext:
        """Load the files; OptionError if one is no certificate, or they do not belong together."""
        option, expected = "tls_ca", f"a certificate in {self.ca}"
        try:
            context = ssl.create_default_context(cafile=self.ca)
            option, expected = "tls_cert", f"a certificate and its key in {self.cert} and {self.key}"
            context.load_cert_chain(self.cert, self.key)
        except OSError as error:  # such as SSLError
            raise OptionError(option, f"expected {expected}: {_reason(error)}") from None
        context.check_hostname = False  # whoever has a certificate of this authority belongs to the cluster
        return context


def check_address(address: str, tls: Tls | None, insecure: bool) -> SplitResult:
    """Parse an address; OptionError if it is none, or if anybody can join its cluster and `insecure` is false."""
    try:
        parts = urlsplit(address)
        whole = parts.scheme in ("tcp", "tls") and parts.hostname and parts.port
    except ValueError:
        whole = False
    if not whole:
        raise OptionError("cluster", f"expected tcp://host:8786 or tls://host:8786, found '{address}'")
    if (parts.scheme == "tls") != (tls is not None):
        remedy = "Give --tls-ca, --tls-cert and --tls-key with tls://, and leave them out with tcp://"
        raise OptionError("cluster", "an encrypted connection needs both a tls:// address and its files", remedy)
    if parts.scheme == "tls" and insecure:
        raise OptionError("insecure", "the connection is encrypted", "Leave it out")
    if parts.scheme == "tcp" and not insecure:
        problem = (
            "anybody who can reach a tcp:// port, such as every user of its machine, can join the cluster, read the "
            "data and run programs on the workers"
        )
        raise OptionError("cluster", problem, "Use tls://, or add --insecure if you trust all of them")
    return parts


def reach(address: str, parts: SplitResult, tls: Tls | None) -> None:
    """Try the connection once, where Dask would try again and again; NncliError, with the reason, if it fails."""
    context = tls and tls.context()
    try:
        with socket.create_connection((parts.hostname, parts.port), timeout=SECONDS) as plain:
            if tls and context:
                _greet(address, plain, tls, context)
    except socket.gaierror:
        raise NncliError(address, f"there is no machine called {parts.hostname}", "Check the address") from None
    except OSError as error:
        problem = f"cannot reach the cluster within {SECONDS} s: no reply ({_reason(error)})"
        raise NncliError(address, problem, "Start it") from None


def _greet(address: str, plain: socket.socket, tls: Tls, context: ssl.SSLContext) -> None:
    """Exchange certificates; NncliError if one side refuses that of the other."""
    try:
        connection = context.wrap_socket(plain)
    except ssl.SSLCertVerificationError as error:
        problem = f"the certificate of the scheduler is not signed by the authority in {tls.ca}: {error.verify_message}"
        raise NncliError(address, problem, "Give the --tls-ca that it was started with") from None
    except ssl.SSLError as error:
        if "ALERT" in (error.reason or ""):  # the other side refuses
            raise _refused(address, tls, error) from None
        problem = f"no encrypted connection: {_reason(error)}"
        raise NncliError(address, problem, "Check whether the scheduler uses tls://") from None
    with connection:
        try:
            # since TLS 1.3, the handshake does not say whether our certificate is accepted: the first bytes do
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
