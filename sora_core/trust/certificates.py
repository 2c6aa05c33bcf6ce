"""This machine's signing key and its certificates, made at first use; needs the extra `provenance`.

A root, whose key is thrown away at once, vouches for one key that signs clips for ten years. Nobody outside knows that
root: it tells this machine its own clips from others, it is no public trust. A key and chain of one's own, made by a
public authority, may be put in their place.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from ..errors import ProvenanceError
from .keys import home, read_secret, write_secret

KEY, CHAIN, ROOT, TRUSTED = "signing.key", "signing.pem", "root.pem", "trusted"
YEARS = 10
EARLIEST = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)     # this was written later
LATEST = datetime.datetime(2080, 1, 1, tzinfo=datetime.timezone.utc)


@dataclass(frozen=True)
class Identity:
    """What signs: a private key and its chain as PEM, and the algorithm's name in C2PA."""

    key: bytes
    chain: bytes
    algorithm: str


def identity(folder: Path | None = None) -> Identity:
    """This machine's key and chain, made where there is none.

    Raises:
        ProvenanceError: the key can't be read, doesn't fit its chain, has expired, or the clock is wrong.
        ModuleNotFoundError: the extra isn't installed.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    folder = folder or home()
    now = _now()
    if not EARLIEST <= now <= LATEST:
        raise ProvenanceError(f"this machine's clock says {now:%Y-%m-%d}, so a signature would be worthless; set the "
                              "clock, or save unsigned")
    if not (folder / KEY).exists():
        if (folder / CHAIN).exists():
            raise ProvenanceError(f"the signing key {str(folder / KEY)!r} is missing; restore it, or move "
                                  f"{CHAIN} away for a new one, or save unsigned")
        _make(folder, now)
    key = read_secret(folder / KEY)
    try:
        chain = (folder / CHAIN).read_bytes()
        leaf = x509.load_pem_x509_certificates(chain)[0]
        private = serialization.load_pem_private_key(key, None)
        fits = private.public_key() == leaf.public_key()
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise ProvenanceError(f"the signing key or chain in {str(folder)!r} is damaged ({type(error).__name__}); "
                              "restore both from a copy, or move both away for new ones") from None
    if not fits:
        raise ProvenanceError(f"{KEY} and {CHAIN} in {str(folder)!r} don't belong together; restore both from one copy")
    if not leaf.not_valid_before_utc <= now <= leaf.not_valid_after_utc:
        raise ProvenanceError(f"the signing certificate is valid from {leaf.not_valid_before_utc:%Y-%m-%d} to "
                              f"{leaf.not_valid_after_utc:%Y-%m-%d} and the clock says {now:%Y-%m-%d}; set the clock, "
                              f"or move {KEY} and {CHAIN} away for new ones")
    return Identity(key, chain, _algorithm(private))


def anchors(folder: Path | None = None) -> str:
    """PEM of the roots that this machine trusts: its own, and those put into its folder `trusted`."""
    folder = folder or home()
    found = [path for path in [folder / ROOT, *sorted((folder / TRUSTED).glob("*.pem"))] if path.is_file()]
    return "\n".join(path.read_text("ascii", "ignore") for path in found)


def _make(folder: Path, now: datetime.datetime) -> None:
    """A root, a signing key, and their certificates."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "SoraCore on one machine"),
                          x509.NameAttribute(NameOID.COMMON_NAME, text)])

    def usage(*, signs_clips: bool) -> x509.KeyUsage:
        return x509.KeyUsage(digital_signature=signs_clips, content_commitment=False, key_encipherment=False,
                             data_encipherment=False, key_agreement=False, key_cert_sign=not signs_clips,
                             crl_sign=not signs_clips, encipher_only=False, decipher_only=False)

    root_key, leaf_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, leaf_name = named("SoraCore local root"), named("SoraCore local signer")

    def certificate(subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_root: bool) -> x509.Certificate:
        identifier = x509.SubjectKeyIdentifier.from_public_key
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(root_name).public_key(key.public_key())
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=365 * YEARS + 1))
                   .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), critical=True)
                   .add_extension(usage(signs_clips=not is_root), critical=True)
                   .add_extension(identifier(key.public_key()), critical=False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
                                  critical=False))
        if not is_root:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]),
                                            critical=False)
        return builder.sign(root_key, hashes.SHA256())

    pem = serialization.Encoding.PEM
    root = certificate(root_name, root_key, is_root=True).public_bytes(pem)
    leaf = certificate(leaf_name, leaf_key, is_root=False).public_bytes(pem)
    secret = leaf_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_secret(folder / ROOT, root)
    write_secret(folder / CHAIN, leaf + root)
    write_secret(folder / KEY, secret)


def _algorithm(private: object) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    curves = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}
    if isinstance(private, ed25519.Ed25519PrivateKey):
        return "ed25519"
    if isinstance(private, ec.EllipticCurvePrivateKey) and private.curve.name in curves:
        return curves[private.curve.name]
    raise ProvenanceError(f"{KEY} is of a kind that clips can't be signed with; use ECDSA (P-256) or Ed25519")


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
