"""What each family of messages is labelled as. None: people disagree, so no model is taught an answer.

Phishing (whatever tries to trick somebody out of money, data or a code) is spam too. Adverts that fraudsters and firms
send alike (loans, casinos) say nothing of phishing. Bulk promotions of known brands say nothing of spam: one inbox's
offer is another's nuisance, and public corpora label them both ways; what somebody asked for (loyalty points, a
back-in-stock notice) is legitimate even when it shouts.
"""

import msgspec


class Labels(msgspec.Struct, frozen=True):
    spam: bool | None
    phishing: bool | None
    otp: bool | None


LABELS: dict[str, Labels] = {
    "ham": Labels(spam=False, phishing=False, otp=False),
    "otp": Labels(spam=False, phishing=False, otp=True),
    "phishing": Labels(spam=True, phishing=True, otp=False),
    "spam": Labels(spam=True, phishing=False, otp=False),
    "dubious": Labels(spam=True, phishing=None, otp=False),
    "promotion": Labels(spam=None, phishing=False, otp=False),
}
