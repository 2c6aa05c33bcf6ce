"""The video autoencoder: shapes, causality, streaming and tiles give the same values, hostile input is refused."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sora_core.config import VideoVAEConfig
from sora_core.errors import ConfigError
from sora_core.models import video_vae
from sora_core.models.video_vae import VideoVAE, from_changes, to_changes

TINY = VideoVAEConfig(latent_channels=6, context_width=16, cell_width=16, cell_depth=1)


def lively(config: VideoVAEConfig = TINY, seed: int = 0) -> VideoVAE:
    """A network in which every branch matters (a fresh one has zeros where the correction ends)."""
    torch.manual_seed(seed)
    vae = VideoVAE(config)
    with torch.no_grad():
        for name, parameter in vae.named_parameters():
            if parameter.ndim > 1 and not name.startswith("base"):
                parameter.normal_(0, 1.5 / parameter[0].numel() ** 0.5)
        vae.cell_out.weight.mul_(0.2)   # stay within [-1, 1], where clamping hides nothing
        vae.base.weight.mul_(0.2)
    return vae.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def vae() -> VideoVAE:
    return lively()


@pytest.mark.parametrize(("frames", "height", "width", "latents"), [
    (1, 16, 16, 1), (2, 16, 32, 2), (9, 32, 16, 2), (17, 48, 32, 3), (18, 16, 16, 4)])
def test_shapes_there_and_back(vae: VideoVAE, frames: int, height: int, width: int, latents: int) -> None:
    z = vae.encode(torch.rand(2, 3, frames, height, width) * 2 - 1)
    assert z.shape == (2, 6, latents, height // 16, width // 16) and z.dtype == torch.float32
    video = vae.decode(z)
    assert video.shape == (2, 3, 1 + 8 * (latents - 1), height, width)
    assert video.dtype == torch.float32 and video.abs().max() <= 1


def test_patches_keep_every_pixel_and_the_decoder_lays_them_out_alike() -> None:
    """Attacks the layout: with as many channels as pixels the bare transform must be exact."""
    config = VideoVAEConfig(latent_channels=384, temporal_compression=2, spatial_compression=8, cell_size=4,
                            context_width=8, cell_width=8, cell_depth=1)
    vae = VideoVAE(config)
    with torch.no_grad():
        for linear in (vae.encoder, vae.base):
            linear.weight.copy_(torch.eye(384))
            linear.bias.zero_()
        video = torch.rand(2, 3, 5, 16, 24) * 2 - 1
        torch.testing.assert_close(vae.decode(vae.encode(video)), video)


def test_a_fresh_decoder_is_the_bare_transform() -> None:
    vae = VideoVAE(TINY)
    with torch.no_grad():
        z = torch.randn(1, 6, 2, 1, 1) * 0.1
        patch = vae.base(z[0, :, 0, 0, 0] + z[0, :, 1, 0, 0]).view(8, 4, 4, 3, 4, 4)                 # f cy cx c y x
        expected = patch.permute(3, 0, 1, 4, 2, 5).reshape(3, 8, 16, 16).clamp(-1, 1)
        torch.testing.assert_close(vae.decode(z)[0, :, 1:], expected)


def test_the_future_does_not_reach_the_past(vae: VideoVAE) -> None:
    z = torch.randn(1, 6, 5, 3, 3)
    changed = z.clone()
    changed[:, :, 3:] += 1
    before, after = vae.decode(z), vae.decode(changed)
    torch.testing.assert_close(before[:, :, :17], after[:, :, :17])
    assert (before[:, :, 17:] - after[:, :, 17:]).abs().max() > 1e-3


def test_the_past_reaches_the_present(vae: VideoVAE) -> None:
    z = torch.randn(1, 6, 3, 2, 2)
    changed = z.clone()
    changed[:, :, 0] += 1
    assert (vae.decode(z) - vae.decode(changed))[:, :, 9:].abs().max() > 1e-4


def test_what_stands_still_is_zero(vae: VideoVAE) -> None:
    still = (torch.rand(1, 3, 1, 32, 32) * 2 - 1).expand(-1, -1, 25, -1, -1)
    latents = vae.encode(still)
    assert latents[:, :, 0].abs().max() > 0.01 and latents[:, :, 1:].abs().max() < 1e-5


def test_changes_there_and_back() -> None:
    z = torch.randn(2, 6, 4, 3, 3)
    torch.testing.assert_close(from_changes(to_changes(z)), z)
    assert torch.equal(to_changes(z[:, :, :1]), z[:, :, :1])


def test_encoding_a_prefix_gives_the_same_latents(vae: VideoVAE) -> None:
    video = torch.rand(1, 3, 25, 32, 32) * 2 - 1
    torch.testing.assert_close(vae.encode(video)[:, :, :2], vae.encode(video[:, :, :9]))


@settings(max_examples=12, deadline=None)
@given(t=st.integers(1, 4), h=st.integers(1, 9), w=st.integers(1, 9), tile=st.sampled_from([16, 32, 80]),
       seed=st.integers(0, 2 ** 31))
def test_tiles_do_not_show(t: int, h: int, w: int, tile: int, seed: int) -> None:
    vae, z = lively(), torch.randn(1, 6, t, h, w, generator=torch.Generator().manual_seed(seed))
    whole, _ = vae.decode_chunk(from_changes(z))
    tiled = torch.cat(list(vae.decode_stream(z, tile=tile)), dim=2)
    torch.testing.assert_close(tiled, whole.clamp(-1, 1), atol=1e-4, rtol=0)


def test_the_halo_is_needed() -> None:
    """A halo one too small would show: the test above tests something."""
    vae, z = lively(), torch.randn(1, 6, 1, 13, 1)
    changed = z.clone()
    changed[:, :, :, 0] += 3
    difference = (vae.decode(z) - vae.decode(changed)).abs().amax(dim=(0, 1, 2, 4)).view(13, 16).amax(dim=1)
    assert difference[vae.halo] > 0 and difference[vae.halo + 1:].max() == 0


def test_the_stream_is_the_whole_and_its_pieces_stay_small(vae: VideoVAE, monkeypatch: pytest.MonkeyPatch) -> None:
    z = torch.randn(1, 6, 12, 2, 2)
    whole, _ = vae.decode_chunk(from_changes(z))
    monkeypatch.setattr(video_vae, "CHUNK_CELLS", 8)
    chunks = list(vae.decode_stream(z))
    torch.testing.assert_close(torch.cat(chunks, dim=2), whole.clamp(-1, 1), atol=1e-4, rtol=0)
    assert [chunk.shape[2] for chunk in chunks] == [9] + [16] * 5


def test_what_is_decoded_at_once_does_not_grow(vae: VideoVAE, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is counted in latent cells that enter the network together, for a long clip and for a large one."""
    sizes: list[int] = []
    decode_chunk = VideoVAE.decode_chunk

    def counting(self: VideoVAE, latents: torch.Tensor, state: object = None) -> object:
        sizes.append(latents[:, 0].numel())
        return decode_chunk(self, latents, state)

    monkeypatch.setattr(VideoVAE, "decode_chunk", counting)
    monkeypatch.setattr(video_vae, "TILE_CELLS", 256)
    for shape in ((1, 6, 70, 2, 4), (1, 6, 2, 20, 30)):
        for chunk in vae.decode_stream(torch.randn(shape)):
            assert chunk.shape[-1] == 16 * shape[-1]
    assert max(sizes) <= 256


def test_bfloat16_stays_close_and_keeps_its_type() -> None:
    vae = lively()
    z = torch.randn(1, 6, 2, 2, 2) * 0.5
    exact = vae.decode(z)
    rough = vae.to(torch.bfloat16).decode(z)
    assert rough.dtype == torch.float32
    assert (exact - rough).abs().mean() < 0.02
    assert vae.encode(exact).dtype == torch.float32


def test_foreign_operations_make_every_weight() -> None:
    """ComfyUI hands in its own layers: nothing may be a weight outside of them."""
    made: list[torch.nn.Module] = []

    class Operations:
        def __getattr__(self, name: str) -> object:
            def make(*args: object, **kwargs: object) -> torch.nn.Module:
                made.append(getattr(torch.nn, name)(*args, **kwargs))
                return made[-1]
            return make

    vae = VideoVAE(TINY, operations=Operations(), dtype=torch.float32, device="cpu")
    inside = {id(parameter) for module in made for parameter in module.parameters()}
    assert {id(parameter) for parameter in vae.parameters()} == inside and not list(vae.buffers())


def test_the_meta_device_allocates_nothing() -> None:
    vae = VideoVAE(VideoVAEConfig(), device="meta")
    assert all(parameter.is_meta for parameter in vae.parameters())
    assert sum(parameter.numel() for parameter in vae.parameters()) < 4e6


@pytest.mark.parametrize("shape", [(1, 3, 9, 16), (1, 1, 9, 16, 16), (1, 3, 0, 16, 16), (1, 3, 9, 17, 16),
                                   (1, 3, 9, 16, 0)])
def test_encode_refuses_other_shapes(vae: VideoVAE, shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError):
        vae.encode(torch.zeros(shape))


@pytest.mark.parametrize("shape", [(1, 5, 1, 1, 1), (6, 1, 1, 1), (1, 6, 0, 1, 1), (1, 6, 1, 0, 1)])
def test_decode_refuses_other_shapes(vae: VideoVAE, shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="don't fit this model"):
        vae.decode(torch.zeros(shape))


@pytest.mark.parametrize("tile", [0, 8, 17, -16])
def test_odd_tiles_are_refused(vae: VideoVAE, tile: int) -> None:
    with pytest.raises(ConfigError):
        list(vae.decode_stream(torch.zeros(1, 6, 1, 2, 2), tile=tile))


def test_an_impossible_cell_size_is_refused() -> None:
    with pytest.raises(ConfigError, match="cell_size=5"):
        VideoVAE(VideoVAEConfig(cell_size=5))
