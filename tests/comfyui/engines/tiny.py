"""Small random checkpoints of the large engines, in their genuine layout and under their genuine names.

Run by ComfyUI's Python: python tiny.py COMFYUI FOLDER. Each is ComfyUI's own class with small numbers, so that a
renamed tensor shows as a test that fails. They prove wiring, shapes, caching and files; never quality. The one whose
size ComfyUI has written down is sparse: full size, zeros, next to no place on disk.
"""

from __future__ import annotations

import io
import json
import struct
import sys
from pathlib import Path
from typing import Any

COMFYUI, MODELS = Path(sys.argv[1]), Path(sys.argv[2])
sys.path.insert(0, str(COMFYUI))
sys.path.append(str(Path(__file__).parent))
sys.argv = sys.argv[:1]

import comfy.options  # noqa: E402

comfy.options.enable_args_parsing(False)
from comfy.cli_args import args  # noqa: E402

args.cpu = True
import comfy.ldm.lightricks.av_model  # noqa: E402
import comfy.ldm.minimax.audio_vae  # noqa: E402
import comfy.ldm.minimax.model  # noqa: E402
import comfy.ldm.wan.model  # noqa: E402
import comfy.ldm.wan.vae  # noqa: E402
import comfy.ops  # noqa: E402
import comfy.taesd.taehv  # noqa: E402
import comfy.text_encoders.gemma4  # noqa: E402
import comfy.text_encoders.lt  # noqa: E402
import comfy.text_encoders.minimax  # noqa: E402
import comfy.text_encoders.wan  # noqa: E402
import sentencepiece  # noqa: E402
import tiny_encoders  # noqa: E402
import tokenizers  # noqa: E402
import torch  # noqa: E402
from comfy.audio_encoders.wav2vec2 import Wav2Vec2Model  # noqa: E402
from comfy.ldm.lightricks.latent_upsampler import LatentUpsampler  # noqa: E402
from comfy.ldm.lightricks.vae.audio_vae import AudioVAE  # noqa: E402
from comfy.ldm.lightricks.vae.causal_video_autoencoder import VideoVAE  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

OPS = {"dtype": torch.float32, "device": "cpu", "operations": comfy.ops.disable_weight_init}
WORDS = ("the quick brown fox jumps over the lazy dog . a man walks in rain and speaks to the camera , cinematic shot "
         "of a cat on a sofa with soft light while music plays").split()
HIDDEN, TEXT, LAYERS = 16, 8, 49
LTX = {
    "num_attention_heads": 4, "attention_head_dim": 32, "cross_attention_dim": 128, "audio_num_attention_heads": 4,
    "audio_attention_head_dim": 16, "audio_cross_attention_dim": 64, "caption_channels": 64, "num_layers": 2,
    "in_channels": 128, "audio_in_channels": 128, "caption_proj_before_connector": True,
    "caption_projection_first_linear": False, "cross_attention_adaln": True, "apply_gated_attention": True,
    "connector_attention_head_dim": 32, "connector_num_attention_heads": 4, "connector_num_layers": 1,
    "audio_connector_attention_head_dim": 16, "audio_connector_num_attention_heads": 4,
    "connector_apply_gated_attention": True, "rope_type": "split", "frequencies_precision": "float64",
    "positional_embedding_max_pos": [20, 2048, 2048], "audio_positional_embedding_max_pos": [20],
    "use_middle_indices_grid": True, "causal_temporal_positioning": True, "timestep_scale_multiplier": 1000,
    "av_ca_timestep_scale_multiplier": 1000}
LTX_VIDEO = {
    "_class_name": "CausalVideoAutoencoder", "dims": 3, "in_channels": 3, "out_channels": 3, "latent_channels": 128,
    "encoder_blocks": [["compress_space_res", {"multiplier": 2}], ["compress_time_res", {"multiplier": 1}],
                       ["compress_all_res", {"multiplier": 1}], ["compress_all_res", {"multiplier": 1}],
                       ["res_x", {"num_layers": 1}]],
    "decoder_blocks": [["compress_space", {"multiplier": 1}], ["compress_time", {"multiplier": 1}],
                       ["compress_all", {"residual": False, "multiplier": 1}],
                       ["compress_all", {"residual": False, "multiplier": 1}],
                       ["res_x", {"num_layers": 1, "inject_noise": False}]],
    "norm_layer": "pixel_norm", "patch_size": 4, "latent_log_var": "uniform", "use_quant_conv": False,
    "causal_decoder": False, "timestep_conditioning": False, "encoder_base_channels": 16, "decoder_base_channels": 16,
    "spatial_padding_mode": "zeros"}
LTX_SOUND = {
    "model": {"params": {"sampling_rate": 16000, "ddconfig": {
        "double_z": True, "mel_bins": 64, "z_channels": 8, "resolution": 256, "downsample_time": False,
        "in_channels": 2, "out_ch": 2, "ch": 8, "ch_mult": [1, 2, 4], "num_res_blocks": 1, "attn_resolutions": [],
        "dropout": 0.0, "mid_block_add_attention": False, "norm_type": "pixel", "causality_axis": "height"}}},
    "preprocessing": {"stft": {"filter_length": 1024, "hop_length": 160}}}
VOCODER = {
    "upsample_initial_channel": 64, "resblock": "1", "resblock_kernel_sizes": [3],
    "resblock_dilation_sizes": [[1, 3, 5]], "upsample_rates": [6, 5, 2, 2, 2],
    "upsample_kernel_sizes": [16, 15, 8, 4, 4], "stereo": True, "output_sample_rate": 24000}
UPSCALER = {"_class_name": "LatentUpsampler", "in_channels": 128, "mid_channels": 32, "num_blocks_per_stage": 1,
            "dims": 3, "spatial_upsample": True, "temporal_upsample": False}
LTX_25 = "ltx-2.5-{}.safetensors"
H3 = "minimax_h3_{}.safetensors"


def random(module: Any, scale: float, seed: int, dtype: torch.dtype | None = None) -> dict[str, torch.Tensor]:
    """The tensors of a module with small random numbers; norms are ones, filters and buffers stay."""
    generator, result = torch.Generator().manual_seed(seed), {}
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point() or name.endswith("filter"):
            result[name] = tensor.clone()
        elif "std-of-means" in name or tensor.ndim <= 1 and ("norm" in name or "gamma" in name) and \
                name.endswith(("weight", "gamma")):
            result[name] = torch.ones(tensor.shape, dtype=dtype or tensor.dtype)
        elif "mean-of-means" in name:
            result[name] = torch.zeros(tensor.shape)
        else:
            result[name] = (torch.randn(tensor.shape, generator=generator) * scale).to(dtype or tensor.dtype)
    return result


def save(folder: str, name: str, tensors: dict[str, torch.Tensor], config: Any = None) -> None:
    (MODELS / folder).mkdir(parents=True, exist_ok=True)
    metadata = {"config": json.dumps(config)} if config is not None else {}
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, MODELS / folder / name, metadata=metadata)


def save_sparse(folder: str, name: str, module: Any) -> None:
    """The layout of a module at its full size; all zero but for the norms, which are one."""
    header, offset, ones = {}, 0, []
    for key, tensor in module.state_dict().items():
        size = tensor.numel() * 2
        header[key] = {"dtype": "F16", "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        if "norm" in key and key.endswith("weight"):
            ones.append((offset, tensor.numel()))
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (MODELS / folder).mkdir(parents=True, exist_ok=True)
    with (MODELS / folder / name).open("wb") as stream:
        stream.write(struct.pack("<Q", len(text)) + text)
        stream.truncate(8 + len(text) + offset)
        for start, count in ones:
            stream.seek(8 + len(text) + start)
            stream.write(torch.ones(count, dtype=torch.float16).numpy().tobytes())


def bytes_of(data: bytes | str) -> torch.Tensor:
    return torch.tensor(list(data if isinstance(data, bytes) else data.encode()), dtype=torch.uint8)


def pieces(has_start: bool) -> bytes:
    """A sentencepiece model of a few words."""
    model = io.BytesIO()
    corpus = [" ".join(WORDS[i % len(WORDS):] + WORDS[:i % len(WORDS)]) for i in range(200)]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus), model_writer=model, vocab_size=340, hard_vocab_limit=False,
        character_coverage=1.0, byte_fallback=True, pad_id=0, eos_id=1, unk_id=3 if has_start else 2,
        bos_id=2 if has_start else -1, minloglevel=2)
    return model.getvalue()


def encoder(folder_name: str, module: Any, prefix: str, config: dict[str, Any], **others: torch.Tensor) -> None:
    tensors = {key.replace(prefix, "", 1): value
               for key, value in random(module, 0.05, 2, torch.bfloat16).items() if key.startswith(prefix)}
    save("text_encoders", folder_name, {**tensors, **others, "tiny_config": bytes_of(json.dumps(config))})


def projection() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return {f"text_embedding_projection.{kind}_aggregate_embed.{part}": value for kind, width in (
        ("video", 128), ("audio", 64)) for part, value in (
            ("weight", torch.randn(width, HIDDEN * LAYERS) * 0.02), ("bias", torch.zeros(width)))}


def ltx() -> None:
    config = {"transformer": LTX, "vae": LTX_VIDEO, "audio_vae": LTX_SOUND, "vocoder": VOCODER}
    model = random(comfy.ldm.lightricks.av_model.LTXAVModel(**LTX, **OPS), 0.03, 1)
    video = random(VideoVAE(config=LTX_VIDEO), 0.05, 2)
    sound = {key.replace("autoencoder.", "audio_vae.", 1): value
             for key, value in random(AudioVAE(metadata={"config": config}), 0.05, 3).items()}
    upscaler = random(LatentUpsampler.from_config(UPSCALER, operations=OPS["operations"]), 0.02, 4)
    save("diffusion_models", LTX_25.format("22b-distilled-transformer-comfy-int8-convrot"), model, {"transformer": LTX})
    save("vae", LTX_25.format("video-vae-bf16"), video, {"vae": LTX_VIDEO})
    save("vae", LTX_25.format("audio-vae-bf16"), sound, {"audio_vae": LTX_SOUND, "vocoder": VOCODER})
    save("latent_upscale_models", LTX_25.format("latent-spatial-upscaler-x2-bf16-1.0"), upscaler, UPSCALER)
    save("latent_upscale_models", "ltx-2.3-spatial-upscaler-x2-1.1.safetensors", upscaler, UPSCALER)
    save("checkpoints", "ltx-2.3-22b-dev-fp8.safetensors", {
        **{f"model.diffusion_model.{key}": value for key, value in model.items()},
        **{f"vae.{key}": value for key, value in video.items()}, **sound, **projection()}, config)
    lora("ltx_2.3_22b_distilled_1.1_lora_dynamic_fro09_avg_rank_111_bf16", 128)

    small = {"hidden_size": HIDDEN, "intermediate_size": HIDDEN, "num_attention_heads": 1, "num_key_value_heads": 1}
    spm = pieces(has_start=True)
    count = sentencepiece.SentencePieceProcessor(model_proto=spm).get_piece_size()
    gemma3 = {"_model_config": {**small, "vocab_size": count}}
    encoder("gemma_3_12B_it_fp4_mixed.safetensors", comfy.text_encoders.lt.Gemma3_12BModel(
        device="cpu", dtype=torch.float32, model_options=gemma3), "transformer.", gemma3, spiece_model=bytes_of(spm))
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys(["<pad>", "<eos>", "<bos>", "<unk>", *WORDS]))}
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    gemma4 = {"_model_config": {**small, "vocab_size": 600}}
    module = comfy.text_encoders.gemma4.gemma4_text_encoder_model(comfy.text_encoders.gemma4.Gemma4_12B)
    encoder("gemma4-12b-with-proj-ltx-2.5-comfy-int8-convrot.safetensors",
            module(device="cpu", dtype=torch.float32, model_options=gemma4), "transformer.", gemma4,
            tokenizer_json=bytes_of(words.to_str()), **projection())


def lora(name: str, width: int) -> None:
    key = "diffusion_model.transformer_blocks.0.attn1.to_q.lora_{}.weight"
    save("loras", f"{name}.safetensors", {key.format("A"): torch.ones(4, width) * 0.01,
                                          key.format("B"): torch.ones(width, 4) * 0.01})


def minimax() -> None:
    model = comfy.ldm.minimax.model.MiniMaxH3Model(
        hidden_size=64, num_layers=2, token_refiner_num_layers=1, num_attention_heads=4, attention_head_dim=16,
        ffn_hidden_size=64, text_dim=32, time_embed_dim=8, adaln_curve_grid=64, rope_inv_freq_len=2, **OPS)
    tensors = random(model, 0.03, 1)
    tensors["rope.inv_freq"] = torch.tensor([1.0, 0.1])
    save("diffusion_models", H3.format("fl2va_pruned_int8_convrot"), tensors)
    sound = comfy.ldm.minimax.audio_vae.MiniMaxH3AudioVAE(encoder_dim=4, latent_dim=32, decoder_dim=128)
    save("vae", H3.format("audio_vae_fp32"), {**random(sound, 0.05, 2), "latents_mean": torch.zeros(32),
                                              "latents_std": torch.ones(32)})
    picture = comfy.taesd.taehv.TAEHV(latent_channels=24)
    save("vae", H3.format("video_vae_fp16"), random(picture, 0.05, 9, torch.float16))
    lora("minimax_h3_fl2v_turbo_8step_v1.0_comfyui_bf16", 64)
    config = {"qwen3vl_32b_model_config": {"vocab_size": 151936, "hidden_size": 32, "intermediate_size": 32,
                                           "num_attention_heads": 1, "num_key_value_heads": 1}}
    encoder("qwen3vl_32b_minimax_h3_nvfp4_awq.safetensors", comfy.text_encoders.minimax.te()(
        device="cpu", dtype=torch.float32, model_options=config), "qwen3vl_32b.transformer.", config)


def wan() -> None:
    def save_wan(name: str, inputs: int, outputs: int, seed: int, kind: Any = comfy.ldm.wan.model.WanModel,
                 **others: Any) -> None:
        model = kind(model_type=others.pop("model_type", "t2v"), in_dim=inputs, out_dim=outputs, dim=128, ffn_dim=64,
                     freq_dim=256, text_dim=TEXT, num_heads=1, num_layers=2, **others, **OPS)
        save("diffusion_models", f"wan2.2_{name}.safetensors", random(model, 0.03, seed),
             {"transformer": {"text_dim": TEXT}})

    for seed, noise in enumerate(("high", "low")):
        save_wan(f"t2v_{noise}_noise_14B_fp8_scaled", 16, 16, seed)
        save_wan(f"i2v_{noise}_noise_14B_fp8_scaled", 36, 16, seed + 2)
    save_wan("ti2v_5B_fp16", 48, 48, 5)
    save_wan("s2v_14B_fp8_scaled", 16, 16, 6, comfy.ldm.wan.model.WanModel_S2V, model_type="s2v")
    vae = comfy.ldm.wan.vae.WanVAE(dim=8, z_dim=16, dim_mult=[1, 2, 4, 4], num_res_blocks=2, attn_scales=[],
                                   temperal_downsample=[False, True, True], image_channels=3, conv_out_channels=3,
                                   dropout=0.0)
    save("vae", "wan_2.1_vae.safetensors", random(vae, 0.1, 7))
    save("vae", "wan2.2_vae.safetensors", random(comfy.taesd.taehv.TAEHV(latent_channels=48), 0.05, 8, torch.float16))
    for name in ("t2v_lightx2v_4steps_lora_v1.1", "i2v_lightx2v_4steps_lora_v1"):
        for noise in ("high", "low"):
            lora(f"wan2.2_{name}_{noise}_noise", 128)
    config = {"umt5xxl_model_config": {"d_model": 8, "d_kv": 8, "num_heads": 1, "vocab_size": 600}}
    encoder("umt5_xxl_fp8_e4m3fn_scaled.safetensors", comfy.text_encoders.wan.te()(
        device="cpu", dtype=torch.float32, model_options=config), "umt5xxl.transformer.", config,
        spiece_model=bytes_of(pieces(has_start=False)))
    with torch.device("meta"):
        hearing = Wav2Vec2Model(embed_dim=1024, num_heads=16, num_layers=24, conv_norm=True, conv_bias=True,
                                do_normalize=True, do_stable_layer_norm=True, dtype=torch.float16, device="meta",
                                operations=OPS["operations"])
    save_sparse("audio_encoders", "wav2vec2_large_english_fp16.safetensors", hearing)


if __name__ == "__main__":
    torch.set_num_threads(1)
    tiny_encoders.shrink()
    ltx()
    minimax()
    wan()
