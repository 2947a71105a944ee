#!/usr/bin/env python3
"""Writes a tiny random Llama and its tokenizer.json, for tests against a real LLM server.

    make_tiny_gguf.py OUT.gguf [--layers 2] [--width 256] [--context 8192] [--vocab 4096] [--seed 1]

What it generates means nothing, but all that a load generator sees is real: tokens, prefill, decode, KV cache, batches,
streaming, usage, stop reasons. tokenizer.json, the same vocabulary for Hugging Face tokenizers, goes beside OUT. Needs
gguf, numpy and tokenizers from PyPI; loads nothing from anywhere. Equal arguments give equal bytes.
"""

from __future__ import annotations

import argparse
import json
import pydoc_data.topics
from pathlib import Path

import gguf
import numpy as np
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|im_start|>", "<|im_end|>"]
# llama.cpp's pre-tokenizer "llama-bpe"
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CHAT_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def train_tokenizer(vocabulary: int) -> Tokenizer:
    """A byte-level BPE of that many tokens, trained on the texts of Python's own help."""
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    split = pre_tokenizers.Split(Regex(SPLIT), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    text = "\n".join(value for _, value in sorted(pydoc_data.topics.topics.items()))
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=SPECIAL,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    tokenizer.train_from_iterator(text.splitlines(True), trainer)
    return tokenizer


def write_vocabulary(writer: gguf.GGUFWriter, tokenizer: Tokenizer) -> int:
    """Puts tokens, merges and chat template into the file; returns the number of tokens."""
    model = json.loads(tokenizer.to_str())["model"]
    tokens = [token for token, _ in sorted(model["vocab"].items(), key=lambda pair: pair[1])]
    control, normal = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(tokens)
    writer.add_token_types([control if token in SPECIAL else normal for token in tokens])
    writer.add_token_merges([merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]])
    writer.add_bos_token_id(SPECIAL.index("<|begin_of_text|>"))
    writer.add_eos_token_id(SPECIAL.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHAT_TEMPLATE)
    return len(tokens)


def write_shape(writer: gguf.GGUFWriter, options: argparse.Namespace) -> None:
    """Puts the hyperparameters into the file."""
    writer.add_name("tiny-random-llama")
    writer.add_context_length(options.context)
    writer.add_embedding_length(options.width)
    writer.add_block_count(options.layers)
    writer.add_feed_forward_length(3 * options.width)
    writer.add_head_count(options.heads)
    writer.add_head_count_kv(options.heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(options.width // options.heads)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)


def write_weights(writer: gguf.GGUFWriter, options: argparse.Namespace, tokens: int) -> None:
    """Puts random weights into the file."""
    random, width = np.random.default_rng(options.seed), options.width
    ones = np.ones(width, dtype=np.float32)

    def matrix(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * random.standard_normal(shape, dtype=np.float32) * shape[-1] ** -0.5).astype(np.float16)

    square, up, down = (width, width), (3 * width, width), (width, 3 * width)
    shapes = {f"attn_{part}": square for part in ("q", "k", "v", "output")}
    shapes |= {"ffn_gate": up, "ffn_up": up, "ffn_down": down}
    writer.add_tensor("token_embd.weight", matrix(tokens, width))
    writer.add_tensor("output_norm.weight", ones)
    writer.add_tensor("output.weight", matrix(tokens, width, scale=3.0))
    for layer in range(options.layers):
        for name, shape in shapes.items():
            writer.add_tensor(f"blk.{layer}.{name}.weight", matrix(*shape))
        writer.add_tensor(f"blk.{layer}.attn_norm.weight", ones)
        writer.add_tensor(f"blk.{layer}.ffn_norm.weight", ones)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("out", type=Path)
    sizes = {"layers": 2, "width": 256, "heads": 4, "context": 8192, "vocab": 4096, "seed": 1}
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    tokenizer = train_tokenizer(options.vocab)
    tokenizer.save(str(options.out.parent / "tokenizer.json"))
    writer = gguf.GGUFWriter(str(options.out), "llama")
    write_shape(writer, options)
    tokens = write_vocabulary(writer, tokenizer)
    write_weights(writer, options, tokens)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.1f} MB, {tokens} tokens")


if __name__ == "__main__":
    main()
