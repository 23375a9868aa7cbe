"""What the reference documents claim and ask for, to stand beside our own figures."""

import msgspec


class Claim(msgspec.Struct, frozen=True):
    """A published figure. All were measured on its author's own synthetic test set, which nobody else has."""

    model: str
    task: str  #: "all", "otp", "phishing" or "intent"
    accuracy: str
    f1: str = ""


CLAIMS: tuple[Claim, ...] = (
    Claim("logistic regression", "all", "65-70 %", "0.68 (OTP), 0.72 (phishing)"),
    Claim("LightGBM", "otp", "87 %", "0.89"),
    Claim("LightGBM", "phishing", "91 %", "0.93"),
    Claim("LightGBM", "intent", "78 %", "0.76"),
    Claim("LoRA on Qwen", "intent", "82 %"),
    Claim("LightGBM, then Groq llama-3.1-8b", "intent", "92 %", "0.91"),
)

#: Acceptance criteria: accuracy and FPR of spam as shares 0-1, latency of one message in ms.
LEAST_ACCURACY, MOST_FPR, MOST_LATENCY_MS = 0.95, 0.02, 50.0
