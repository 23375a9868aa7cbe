"""The LLM lane under load: a language model that hangs, fails or refuses costs nobody anything but its own answer."""
