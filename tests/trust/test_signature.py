"""Signatures: what is changed is named, what can't be signed is refused, and nothing half-written is left."""

from __future__ import annotations

import datetime
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from sora_core import media
from sora_core.errors import ProvenanceError, ResourceError
from sora_core.trust import certificates, keys, manifest
from sora_core.trust.manifest import Ingredient, read_signature, sign_file
from sora_core.trust.provenance import Provenance
from sora_core.trust.verify import verify

from .conftest import RATE, SAMPLE_RATE, provenance, save, scene, sound

c2pa = pytest.importorskip("c2pa", reason="the extra provenance isn't installed")
pytest.importorskip("cryptography", reason="the extra provenance isn't installed")


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return save(tmp_path / "clip.mp4", scene(24), sound(1.0))


def boxes(data: bytes) -> dict[bytes, tuple[int, int]]:
    """Where the outermost boxes of an MP4 lie."""
    found, at = {}, 0
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        found[data[at + 4:at + 8]] = (at, size)
        at += size
    return found


def changed(path: Path, edit: Any) -> Path:
    data = bytearray(path.read_bytes())
    result = edit(data, boxes(bytes(data)))
    copy = path.with_name("changed.mp4")
    copy.write_bytes(data if result is None else result)
    return copy


def flip(box: bytes, where: float) -> Any:
    def edit(data: bytearray, parts: dict[bytes, tuple[int, int]]) -> None:
        at, size = parts[box]
        data[at + 8 + int((size - 9) * where)] ^= 0x10
    return edit


def test_a_clip_is_intact_trusted_and_says_how_it_was_made(clip: Path) -> None:
    found = read_signature(clip)
    assert (found.state, found.is_intact, found.is_trusted, found.is_chain_intact) == ("found", True, True, True)
    assert found.facts["seed"] == str(2 ** 64 - 1) and "prompt" not in found.facts and found.facts["prompt_sha256"]
    assert found.payload == provenance().mark.payload and found.generator.startswith("SoraCore")
    assert media.read_tags(clip)["workflow"] == '{"nodes": []}'         # what ComfyUI reads from a dropped file
    assert media.read_clip(clip).video.shape[2] == 24


def test_it_says_made_by_a_model_and_the_mark(clip: Path) -> None:
    with open(clip, "rb") as stream, c2pa.Reader("video/mp4", stream) as reader:
        text = reader.json()
    assert "trainedAlgorithmicMedia" in text and "c2pa.created" in text and manifest.MARK_NAME in text


@pytest.mark.parametrize("where", [0.0, 0.3, 0.7, 1.0])
def test_changed_media_is_not_intact(clip: Path, where: float) -> None:
    found = read_signature(changed(clip, flip(b"mdat", where)))
    assert found.state == "found" and not found.is_intact and any("Hash" in code for code in found.failures)


def test_a_changed_statement_is_told_or_says_the_same(clip: Path) -> None:
    """Nothing binds the padding and the kinds of the boxes around; all that is said is bound."""
    at, size = boxes(clip.read_bytes())[b"uuid"]
    before, told = read_signature(clip), 0
    for place in range(60, size, 61):
        after = read_signature(changed(clip, lambda data, _, place=place: data.__setitem__(
            at + place, data[at + place] ^ 0x10)))
        told += not (after.state == "found" and after.is_intact and after.is_trusted)
        assert not (after.is_intact and after.is_trusted) or after == before, place
    assert told > 0.6 * (size - 60) // 61


def test_appended_and_missing_bytes_are_told(clip: Path) -> None:
    assert not read_signature(changed(clip, lambda data, _: data + b"\0\0\0\x10mdatabcdefgh")).is_intact
    assert not read_signature(changed(clip, lambda data, _: data[:-100])).is_intact


def test_a_statement_of_another_clip_is_not_intact(clip: Path, tmp_path: Path) -> None:
    other = save(tmp_path / "other.mp4", scene(30, seed=3), sound(1.25)).read_bytes()

    def swap(data: bytearray, parts: dict[bytes, tuple[int, int]]) -> bytes:
        (at, size), (there, length) = parts[b"uuid"], boxes(other)[b"uuid"]
        return bytes(data[:at]) + other[there:there + length] + bytes(data[at + size:])

    assert not read_signature(changed(clip, swap)).is_intact


def test_a_stranger_is_intact_and_not_trusted(clip: Path, tmp_path: Path) -> None:
    certificates.identity(tmp_path / "elsewhere")
    found = read_signature(clip, folder=tmp_path / "elsewhere")
    assert found.is_intact and not found.is_trusted and not found.is_expired
    (tmp_path / "elsewhere" / certificates.TRUSTED).mkdir()
    root = (keys.home() / certificates.ROOT).read_bytes()
    (tmp_path / "elsewhere" / certificates.TRUSTED / "friend.pem").write_bytes(root)
    assert read_signature(clip, folder=tmp_path / "elsewhere").is_trusted


def test_a_forged_chain_is_not_trusted(clip: Path, tmp_path: Path) -> None:
    forger = tmp_path / "forger"
    certificates.identity(forger)
    mine = (keys.home() / certificates.ROOT).read_bytes()
    chain = (forger / certificates.CHAIN).read_bytes()
    leaf = chain[:chain.index(b"-----END CERTIFICATE-----") + 26]
    (forger / certificates.CHAIN).write_bytes(leaf + mine)             # claims to be vouched for by our root
    target = tmp_path / "forged.mp4"
    try:
        sign_file(clip, ".mp4", {}, None, folder=forger, target=target)
    except ProvenanceError:
        return
    assert not read_signature(target).is_trusted


def test_lineage_is_told_and_an_altered_parent_is_refused(clip: Path, tmp_path: Path) -> None:
    child = save(tmp_path / "child.mp4", scene(24, seed=2), sound(1.0),
                 ingredients=[Ingredient(clip, "parentOf")])
    found = read_signature(child)
    assert found.is_intact and found.is_chain_intact
    (parent,) = found.lineage["made_from"]
    assert (parent["title"], parent["relationship"], parent["state"]) == ("clip.mp4", "parentOf", "signed")
    grandchild = save(tmp_path / "grand.mp4", scene(24), sound(1.0), ingredients=[Ingredient(child, "parentOf")])
    assert read_signature(grandchild).lineage["made_from"][0]["made_from"][0]["title"] == "clip.mp4"
    assert "continues 'child.mp4'" in "\n".join(verify(grandchild).sentences())
    bad = changed(clip, flip(b"mdat", 0.5))
    with pytest.raises(ProvenanceError, match="altered after it was signed"):
        save(tmp_path / "no.mp4", ingredients=[Ingredient(bad, "parentOf")])
    assert not (tmp_path / "no.mp4").exists()


def test_a_child_of_an_altered_parent_is_seen_through(clip: Path, tmp_path: Path,
                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a child is trusted at its top: only a walk through its sources shows it."""
    bad = changed(clip, flip(b"mdat", 0.5))
    monkeypatch.setattr(manifest, "check_ingredient", lambda part, folder: None)
    child = save(tmp_path / "child.mp4", scene(24), sound(1.0), ingredients=[Ingredient(bad, "parentOf")])
    found = read_signature(child)
    assert found.is_intact and found.is_trusted and not found.is_chain_intact
    assert any(line.startswith("chain intact: no") for line in verify(child).sentences())


def test_encoding_again_takes_the_signature_and_leaves_the_marks(clip: Path, tmp_path: Path) -> None:
    whole = media.read_clip(clip)
    copy = tmp_path / "copy.mp4"
    media.write_clip(copy, whole.video, None, frame_rate=RATE)
    found = verify(copy)
    assert found.signature.state == "none" and found.is_marked and list(found.payloads.values()) == [
        provenance().mark.payload]


def test_a_copied_mark_disagrees_with_the_signature(clip: Path, tmp_path: Path) -> None:
    """Someone lays the mark of one clip into another and signs that."""
    carried = media.read_clip(clip).video
    mine = Provenance.here({"another": 1})
    honest = Provenance(mine.mark, mine.facts, True)
    object.__setattr__(honest, "mark_video", lambda chunks, rate: chunks)
    media.write_clip(tmp_path / "forged.mp4", carried, None, frame_rate=RATE, provenance=honest)
    assert any("a signature or a mark was copied" in line for line in verify(tmp_path / "forged.mp4").disagreements)


def test_a_signature_without_its_mark_disagrees(tmp_path: Path) -> None:
    bare = provenance()
    object.__setattr__(bare, "mark_video", lambda chunks, rate: chunks)
    media.write_clip(tmp_path / "bare.mp4", scene(30), None, frame_rate=RATE, provenance=bare)
    assert any("speaks of a mark in the picture, and there is none" in line
               for line in verify(tmp_path / "bare.mp4").disagreements)


def test_an_average_of_fifty_marked_clips_forges_no_number(tmp_path: Path) -> None:
    """What they have in common is public; their numbers cancel, and a signature laid over it speaks of no mark."""
    facts = [Provenance.here({"clip": i}) for i in range(50)]
    common = torch.stack([torch.cat(list(one.mark_video([scene(3, seed=i)], RATE)), dim=2) - scene(3, seed=i)
                          for i, one in enumerate(facts)]).mean(dim=0).mean(dim=2, keepdim=True)
    media.write_clip(tmp_path / "plain.mp4", (scene(30, seed=99) + common).clamp(-1, 1), None, frame_rate=RATE)
    sign_file(tmp_path / "plain.mp4", ".mp4", {"made": "elsewhere"}, None, target=tmp_path / "forged.mp4")
    found = verify(tmp_path / "forged.mp4")
    assert found.signature.is_intact and found.is_marked and not found.payloads
    assert any("there is SoraCore's mark, and the signature doesn't speak of it" in line
               for line in found.disagreements)


def test_a_signature_of_another_clip_disagrees_with_the_mark(tmp_path: Path) -> None:
    """The picture of one clip under the facts and number of another."""
    shown = media.read_clip(save(tmp_path / "shown.mp4", scene(36), sound(1.5), signature="none")).video
    media.write_clip(tmp_path / "plain.mp4", shown, None, frame_rate=RATE)
    sign_file(tmp_path / "plain.mp4", ".mp4", {}, provenance().mark.payload ^ 1, target=tmp_path / "forged.mp4")
    found = verify(tmp_path / "forged.mp4")
    assert found.signature.is_intact and list(found.payloads.values()) == [provenance().mark.payload]
    assert any("a signature or a mark was copied" in line for line in found.disagreements)


def test_nothing_is_fetched_for_a_manifest_elsewhere(tmp_path: Path, no_network: list[Any]) -> None:
    path = save(tmp_path / "plain.mp4", scene(24), sound(1.0), signature="none")
    who = certificates.identity()
    definition = '{"claim_generator_info": [{"name": "x", "version": "1"}], "assertions": []}'
    remote = tmp_path / "remote.mp4"
    with c2pa.Builder(definition) as builder:
        builder.set_intent(c2pa.C2paBuilderIntent.CREATE, c2pa.C2paDigitalSourceType.DIGITAL_CAPTURE)
        builder.set_no_embed()
        builder.set_remote_url("http://127.0.0.1:9/manifest")
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", who.chain, who.key, None))
        with signer, open(path, "rb") as source, open(remote, "w+b") as target:
            builder.sign(signer, "video/mp4", source, target)
    assert read_signature(remote).state in ("remote", "none") and not no_network


def test_a_callback_signs_with_a_key_kept_elsewhere(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = serialization.load_pem_private_key(certificates.identity().key, None)
    asked: list[int] = []

    def signer(data: bytes) -> bytes:
        asked.append(len(data))
        return private.sign(data, ec.ECDSA(hashes.SHA256()))

    assert read_signature(save(tmp_path / "a.mp4", scene(24), sound(1.0), signer=signer)).is_trusted and asked


def test_a_callback_that_fails_leaves_the_earlier_file(clip: Path) -> None:
    before = clip.read_bytes()

    def signer(data: bytes) -> bytes:
        raise RuntimeError("the token was pulled out")

    with pytest.raises(ProvenanceError, match="can't be signed"):
        save(clip, scene(24), sound(1.0), signer=signer)
    assert clip.read_bytes() == before and [path.name for path in clip.parent.glob("*.mp4")] == ["clip.mp4"]
    assert not list(clip.parent.glob(".*.part"))


def broken(kind: str, folder: Path) -> None:
    key, chain = folder / certificates.KEY, folder / certificates.CHAIN
    if kind == "missing":
        key.unlink()
    elif kind == "damaged":
        key.write_bytes(b"no key")
    elif kind == "readable":
        os.chmod(key, 0o644)
    elif kind == "foreign":
        certificates.identity(folder / "other")
        key.write_bytes((folder / "other" / certificates.KEY).read_bytes())
    elif kind == "unreadable":
        key.unlink()
        key.mkdir(mode=0o700)
    elif kind == "chainless":
        chain.unlink()


@pytest.mark.parametrize("kind, words", [
    ("missing", "is missing; restore it"), ("damaged", "is damaged"), ("readable", "run: chmod 600"),
    ("foreign", "don't belong together"), ("unreadable", "can't be read"), ("chainless", "is damaged")])
def test_a_bad_key_is_refused_before_anything_is_computed(clip: Path, tmp_path: Path, kind: str, words: str) -> None:
    broken(kind, keys.home())

    def frames() -> Any:
        raise AssertionError("frames were asked for")
        yield

    with pytest.raises(ProvenanceError, match=words):
        media.write_clip(tmp_path / "b.mp4", frames(), None, frame_rate=RATE, provenance=provenance())
    assert not (tmp_path / "b.mp4").exists()
    unsigned = save(tmp_path / "c.mp4", scene(24), sound(1.0), signature="none")
    assert read_signature(unsigned).state == "none" and verify(unsigned).is_marked


@pytest.mark.parametrize("year, words", [(1970, "clock says 1970"), (2100, "clock says 2100"), (2037, "is valid from")])
def test_a_wrong_clock_is_refused(clip: Path, monkeypatch: pytest.MonkeyPatch, year: int, words: str) -> None:
    monkeypatch.setattr(certificates, "_now", lambda: datetime.datetime(year, 6, 1, tzinfo=datetime.timezone.utc))
    with pytest.raises(ProvenanceError, match=words):
        save(clip)


def test_an_expired_certificate_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed while the certificate was good for two seconds more, and looked at when they are over."""
    path = save(tmp_path / "plain.mp4", scene(24), sound(1.0), signature="none")
    monkeypatch.setattr(certificates, "YEARS", 0)           # which leaves one day
    end = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(seconds=3)
    monkeypatch.setattr(certificates, "_now", lambda: end - datetime.timedelta(days=1))
    sign_file(path, ".mp4", {}, None, target=tmp_path / "old.mp4")
    assert read_signature(tmp_path / "old.mp4").is_trusted
    while datetime.datetime.now(datetime.timezone.utc) <= end + datetime.timedelta(seconds=1):
        time.sleep(0.1)
    found = read_signature(tmp_path / "old.mp4")
    assert found.is_intact and found.is_expired and not found.is_trusted
    assert "signed: no, the certificate has expired" in "\n".join(verify(tmp_path / "old.mp4").sentences())


def test_kinds_that_carry_no_signature_are_refused(clip: Path, tmp_path: Path) -> None:
    for suffix in (".webm", ".mkv", ".avi"):
        with pytest.raises(ProvenanceError, match="can't carry a signature; save as .mp4"):
            sign_file(clip, suffix, {}, None, target=tmp_path / f"x{suffix}")


def test_a_full_disk_while_signing_leaves_the_earlier_file(clip: Path) -> None:
    before = clip.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    original = Provenance.sign

    def sign(self: Provenance, path: Path, suffix: str) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size // 2, hard))
        try:
            original(self, path, suffix)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    full = provenance()
    object.__setattr__(full, "sign", lambda path, suffix: sign(full, path, suffix))
    with pytest.raises((ProvenanceError, ResourceError)):
        media.write_clip(clip, scene(24), None, frame_rate=RATE, provenance=full)
    assert clip.read_bytes() == before and not list(clip.parent.glob("*.part"))


def test_clips_are_numbered_and_never_overwritten(tmp_path: Path) -> None:
    names = [media.write_numbered(tmp_path, "a", scene(2), sound(0.1), frame_rate=RATE, sample_rate=SAMPLE_RATE).name
             for _ in range(3)]
    assert names == ["a_00001_.mp4", "a_00002_.mp4", "a_00003_.mp4"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == names


WRITER = """
import sys; from fractions import Fraction; import torch; from sora_core import media
for _ in range(4):
    video = torch.full((1, 3, 2, 32, 32), float(sys.argv[2]))
    media.write_numbered(sys.argv[1], "a", video, None, frame_rate=Fraction(24))
"""


def test_two_processes_never_overwrite_each_other(tmp_path: Path) -> None:
    workers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), value],
                                cwd=Path(__file__).resolve().parents[2]) for value in ("0.5", "-0.5")]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0]
    clips = [media.read_clip(path).video.mean().item() for path in sorted(tmp_path.glob("*.mp4"))]
    assert len(clips) == 8 and sum(value > 0 for value in clips) == 4


def test_without_the_extra_marks_are_still_checked(clip: Path, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    found = verify(clip)
    assert found.signature is None and found.is_marked and found.to_dict()["signature"] == "not checked"
    assert "not checked; for that, run: python -m pip install" in found.sentences()[0]
    assert save(tmp_path / "u.mp4", scene(24), sound(1.0)).exists()
    with pytest.raises(ProvenanceError, match="can't be signed here; run"):
        provenance(signature="required")
