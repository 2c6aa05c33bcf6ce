"""The signature: a C2PA manifest that says what made a clip, of what, and with which mark; extra `provenance`.

A manifest binds the media bytes and what is said about them. Nothing is ever fetched: a file that names a manifest
elsewhere is only reported. Source: C2PA technical specification 2.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import ProvenanceError
from ..media_read import first_bytes
from . import certificates

LABEL = "org.soracore.generation"
MARK_LABEL = "org.soracore.mark"
SOURCES_LABEL = "org.soracore.sources"
MARK_NAME = "org.soracore.watermark.1"
TYPES = {".mp4": "video/mp4", ".mov": "video/quicktime", ".m4a": "audio/mp4", ".wav": "audio/wav",
         ".flac": "audio/flac", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
         ".webp": "image/webp"}
CERTIFICATE_FAILED = ("signingCredential", "timeStamp", "algorithm.")


@dataclass(frozen=True)
class Ingredient:
    """A file that a clip was made from: a `parentOf` it continues or changes, or a `componentOf` it uses.

    `grant` says in a line who allowed that, for a person's likeness; the file's SHA-256 goes with it. Where there is no
    file, `content` holds its bytes and `path` its name alone.
    """

    path: Path
    relationship: str = "componentOf"
    grant: str = ""
    content: bytes | None = None

    def read(self) -> bytes:
        return self.path.read_bytes() if self.content is None else self.content


@dataclass(frozen=True)
class Signature:
    """What a file's manifest says, and what of it holds.

    `state` is "none", "remote" (named, not fetched), "unreadable", or "found"; the rest counts only for "found".
    """

    state: str
    is_intact: bool = False
    is_trusted: bool = False
    is_chain_intact: bool = False
    is_expired: bool = False
    signer: str = ""
    generator: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    payload: int | None = None
    failures: list[str] = field(default_factory=list)
    lineage: dict[str, Any] = field(default_factory=dict)
    detail: str = ""


def is_installed() -> bool:
    """Whether the extra `provenance` is there and its native library loads."""
    try:
        import c2pa  # noqa: F401
        import cryptography  # noqa: F401
    except (ImportError, OSError, RuntimeError):
        return False
    return True


def sign_file(path: Path, suffix: str, facts: dict[str, Any], payload: int | None,
              ingredients: Sequence[Ingredient] = (), *, folder: Path | None = None, target: Path,
              callback: Callable[[bytes], bytes] | None = None) -> None:
    """Sign a finished file into another one.

    Args:
        path: the file as muxed.
        suffix: what it will be called by, such as ".mp4".
        facts: what made it; JSON values.
        payload: of the hidden mark, bound to the signature.
        ingredients: files that it was made from; a `parentOf` must be intact where it is signed.
        folder: of the keys.
        target: where to write; half-written if this raises.
        callback: signs bytes with a key that is kept elsewhere and fits the chain in `folder`.

    Raises:
        ProvenanceError: nothing to sign with, a kind of file that can't carry a signature, or a tampered parent.
    """
    import c2pa

    if suffix not in TYPES:
        raise ProvenanceError(f"a {suffix} file can't carry a signature; save as .mp4")
    who = certificates.identity(folder)
    edits = any(part.relationship == "parentOf" for part in ingredients)
    for part in ingredients:
        check_ingredient(part, folder)
    assertions = [{"label": LABEL, "data": facts}]
    if payload is not None:
        assertions.append({"label": MARK_LABEL, "data": {"alg": MARK_NAME, "payload": f"{payload:08x}"}})
    if ingredients:
        assertions.append({"label": SOURCES_LABEL, "data": {"sources": [_source(part) for part in ingredients]}})
    definition = {"claim_generator_info": [{"name": "SoraCore", "version": __version__}],
                  "title": facts.get("title", "clip"), "format": TYPES[suffix], "assertions": assertions}
    try:
        with _context(folder) as context, c2pa.Builder(json.dumps(definition), context) as builder:
            if edits:
                builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
            else:
                builder.set_intent(c2pa.C2paBuilderIntent.CREATE,
                                   c2pa.C2paDigitalSourceType.TRAINED_ALGORITHMIC_MEDIA)
            for part in ingredients:
                about = {"title": part.path.name, "relationship": part.relationship}
                with open(part.path, "rb") if part.content is None else BytesIO(part.content) as stream:
                    builder.add_ingredient(json.dumps(about), TYPES[part.path.suffix.lower()], stream)
            with _signer(who, callback) as signer, open(path, "rb") as source, open(target, "w+b") as result:
                builder.sign(signer, TYPES[suffix], source, result)
    except c2pa.C2paError as error:
        raise ProvenanceError(f"the clip can't be signed ({_one_line(error)}); save it unsigned, or mend the key"
                              ) from None


def read_signature(path: Path, *, folder: Path | None = None) -> Signature:
    """What the manifest of a file says, checked against its bytes and this machine's anchors. Never raises for files.

    Raises:
        ModuleNotFoundError: the extra isn't installed.
    """
    import c2pa

    kind = TYPES.get(_suffix(path))
    if kind is None:
        return Signature("none", detail="this kind of file carries no signature")
    try:
        with _context(folder) as context, open(path, "rb") as stream:
            reader = c2pa.Reader.try_create(kind, stream, None, context)
            if reader is None:
                return Signature("none")
            with reader:
                return _judge(json.loads(reader.detailed_json()), json.loads(reader.json()))
    except c2pa.C2paError as error:
        text = _one_line(error)
        if "RemoteManifest" in type(error).__name__ or "remote" in text.lower():
            return Signature("remote", detail="the file names a manifest elsewhere, which wasn't fetched")
        return Signature("unreadable", detail=text)
    except (OSError, ValueError) as error:
        return Signature("unreadable", detail=_one_line(error))


def _judge(detailed: dict[str, Any], store: dict[str, Any]) -> Signature:
    active = store.get("active_manifest", "")
    manifest = store.get("manifests", {}).get(active, {})
    results = store.get("validation_results", {})
    codes = [str(failure.get("code", "")) for failure in results.get("activeManifest", {}).get("failure", [])]
    certificate = [code for code in codes if code.startswith(CERTIFICATE_FAILED)]
    others = [code for code in codes if code not in certificate]
    chain = [f"{delta.get('ingredientAssertionURI', 'ingredient').rpartition('/')[2]}: {failure.get('code')}"
             for delta in results.get("ingredientDeltas", [])
             for failure in delta.get("validationDeltas", {}).get("failure", [])
             if not str(failure.get("code", "")).startswith("signingCredential.untrusted")]
    lineage, broken = _lineage(store, active)
    assertions = {entry.get("label"): entry.get("data") for entry in manifest.get("assertions", [])}
    mark = assertions.get(MARK_LABEL) or {}
    info = (manifest.get("claim_generator_info") or [{}])[0]
    signature = manifest.get("signature_info") or {}
    payload = mark.get("payload")
    return Signature(
        "found", is_intact=not others, is_trusted=store.get("validation_state") == "Trusted",
        is_chain_intact=not chain and not broken, is_expired=any("expired" in code for code in certificate),
        signer=str(signature.get("common_name") or signature.get("issuer") or ""),
        generator=f"{info.get('name', '?')} {info.get('version', '')}".strip(),
        facts=assertions.get(LABEL) or {}, failures=codes + chain + broken, lineage=lineage,
        payload=int(payload, 16) if isinstance(payload, str) and len(payload) <= 8 else None)


def _lineage(store: dict[str, Any], label: str, depth: int = 0) -> tuple[dict[str, Any], list[str]]:
    """A tree of {title, relationship, state, grant, made from}, and the failures of ingredients anywhere in it."""
    manifest = store.get("manifests", {}).get(label, {})
    said = next((entry.get("data") or {} for entry in manifest.get("assertions", [])
                 if entry.get("label") == SOURCES_LABEL), {})
    grants = {str(source.get("title")): str(source.get("grant", "")) for source in said.get("sources", [])}
    broken: list[str] = []
    parts = []
    for part in manifest.get("ingredients", [])[:32] if depth < 16 else []:
        results = (part.get("validation_results") or {}).get("activeManifest", {})
        codes = [str(failure.get("code", "")) for failure in results.get("failure", [])]
        codes += [str(status.get("code", "")) for status in part.get("validation_status") or []]
        codes = sorted({code for code in codes if not code.startswith("signingCredential.untrusted")})
        below, broken_below = _lineage(store, part.get("active_manifest", ""), depth + 1)
        title = str(part.get("title", "?"))
        state = "altered" if codes else "signed" if part.get("active_manifest") else "unsigned"
        broken += [f"{title}: {code}" for code in codes] + broken_below
        parts.append({**below, "title": title, "relationship": part.get("relationship", "?"), "state": state,
                      "grant": grants.get(title, "")})
    info = (manifest.get("claim_generator_info") or [{}])[0]
    return {"title": manifest.get("title", ""), "generator": info.get("name", ""), "made_from": parts}, broken


def _source(part: Ingredient) -> dict[str, str]:
    """What is said about a source beside what C2PA says."""
    digest = hashlib.sha256(part.read()).hexdigest()
    return {"title": part.path.name, "sha256": digest, **({"grant": part.grant} if part.grant else {})}


def check_ingredient(part: Ingredient, folder: Path | None) -> None:
    """Refuse a source that was altered after it was signed, or that a manifest can't name."""
    if part.content is not None:
        return
    if part.path.suffix.lower() not in TYPES or not part.path.is_file():
        raise ProvenanceError(f"{str(part.path)!r} can't be named as a source; use a file of {', '.join(TYPES)}")
    found = read_signature(part.path, folder=folder)
    if found.state == "unreadable" or found.state == "found" and not (found.is_intact and found.is_chain_intact):
        raise ProvenanceError(f"{part.path.name!r} was altered after it was signed; use the original, or a copy "
                              "without its signature")


def _context(folder: Path | None) -> Any:
    import c2pa

    settings: dict[str, Any] = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": True},
                                "builder": {"thumbnail": {"enabled": False}}}
    pem = certificates.anchors(folder)
    if pem:
        settings["trust"] = {"user_anchors": pem}
    return c2pa.Context.from_dict(settings)


def _signer(who: certificates.Identity, callback: Callable[[bytes], bytes] | None) -> Any:
    import c2pa

    if callback is not None:
        algorithm = getattr(c2pa.C2paSigningAlg, who.algorithm.upper())
        return c2pa.Signer.from_callback(callback, algorithm, who.chain.decode("ascii"), None)
    info = c2pa.C2paSignerInfo(who.algorithm.encode(), who.chain, who.key, None)
    return c2pa.Signer.from_info(info)


def _suffix(path: Path) -> str:
    """The kind of file by its first bytes where they say so, for names lie."""
    start = b""
    with suppress(OSError), open(path, "rb") as stream:
        start = first_bytes(stream)
    for magic, at, suffix in ((b"ftyp", 4, ".mp4"), (b"WAVE", 8, ".wav"), (b"fLaC", 0, ".flac")):
        if start[at:at + len(magic)] == magic:
            return path.suffix.lower() if suffix == ".mp4" and path.suffix.lower() in (".mov", ".m4a") else suffix
    return path.suffix.lower() if path.suffix.lower() not in (".mp4", ".mov", ".m4a", ".wav", ".flac") else ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
