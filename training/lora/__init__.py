"""A small language model taught to tell what one-time passwords are for, by a LoRA adapter on a frozen base.

`python -m training.lora --config configs/lora.yaml --out build/lora`; docs/local-llm.md tells how it is served.
"""
