#!/usr/bin/env python3
"""Writes a tiny random-weight Llama in Hugging Face layout, for a real vLLM or transformers server.

    make_tiny_hf_model.py TOKENIZER.json OUT_FOLDER

TOKENIZER.json is the one that make_tiny_gguf.py writes (special tokens 0 to 3). Needs torch and transformers, and
downloads nothing.
"""

import sys

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

CHAT = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=sys.argv[1], bos_token="<|begin_of_text|>", eos_token="<|im_end|>", pad_token="<|end_of_text|>"
    )
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(sys.argv[2])
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        head_dim=64,
        max_position_embeddings=8192,
        bos_token_id=0,
        eos_token_id=3,
        pad_token_id=1,
        initializer_range=0.1,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(sys.argv[2])


if __name__ == "__main__":
    main()
