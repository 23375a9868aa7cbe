"""Real messages through the whole DAG, over HTTP."""

import json
import urllib.request

import pytest

from tests.support.server import Server

PRIZE = (
    "Congratulations! You've won $1000 in our weekly prize draw. To claim your cash prize call 09061701461 now or "
    "click http://win-cash-prize.top/claim before midnight. T&Cs apply."
)
OTP = "Your OTP for HDFC Bank login is 482913. Do not share."
PARCEL = (
    "USPS: Your parcel could not be delivered because of an unpaid shipping fee of $1.99. Pay now to avoid return: "
    "http://usps-redelivery-fee.top/pay"
)
LEGITIMATE = [
    (
        "Rs.2,500.00 debited from A/c XX1234 on 12-Nov-26 to VPA merchant@upi Ref 632145987012. "
        "Not you? Call 18002586161",
        "VM-HDFCBK",
    ),
    (
        "Your Amazon package will be delivered today by 8pm. Track it at https://www.amazon.co.uk/track/AB12CD",
        "AMAZON",
    ),
    ("Hey are we still on for lunch tomorrow?", "+447700900123"),
    (
        "Reminder: your dentist appointment is on Tue 24 Nov at 10:30. Reply C to confirm or R to reschedule.",
        "BrightSmile",
    ),
    ("Your flight BA0117 to New York is delayed. New departure 16:45 from gate B32.", "BRITISHAIR"),
    (
        "Dear customer, your electricity bill of Rs 1,240 for Oct is due on 25-11-2026. Pay via the BESCOM app.",
        "VM-BESCOM",
    ),
]


def test_a_prize_scam_is_spam(server: Server):
    verdict = server.classify(PRIZE)
    assert verdict["is_spam"] is True
    assert verdict["spam_score"] > 0.9
    assert verdict["action"] != "deliver"


def test_an_otp_is_an_otp_and_not_spam(server: Server):
    verdict = server.classify(OTP, sender="VM-HDFCBK", intent="local")
    assert (verdict["is_otp"], verdict["is_spam"], verdict["action"]) == (True, False, "deliver")
    assert (verdict["otp_intent"], verdict["intent_source"]) == ("FINANCIAL_LOGIN_OTP", "lightgbm")
    assert server.classify(OTP, intent="local")["otp_intent"] == "FINANCIAL_LOGIN_OTP"


def test_a_parcel_fee_scam_is_phishing(server: Server):
    verdict = server.classify(PARCEL, sender="+639171234567")
    assert verdict["is_phishing"] is True
    assert verdict["action"] != "deliver"


@pytest.mark.parametrize(("text", "sender"), LEGITIMATE)
def test_legitimate_traffic_is_delivered(server: Server, text: str, sender: str):
    verdict = server.classify(text, sender=sender)
    assert (verdict["action"], verdict["is_spam"], verdict["is_phishing"]) == ("deliver", False, False)


def test_a_verdict_has_every_field_of_the_contract(server: Server):
    verdict = server.classify("See you at six", message_id="gw-1")
    assert set(verdict) == {
        "message_id", "status", "action", "is_spam", "spam_score", "is_phishing", "phishing_score", "is_otp",
        "otp_score", "otp_intent", "intent_source", "reasons", "decided_by", "models", "experiment", "cache",
        "degraded", "receipt", "intent_id",
    }  # fmt: skip
    assert (verdict["message_id"], verdict["status"], verdict["degraded"]) == ("gw-1", "complete", [])


def test_rules_give_their_reasons(server: Server):
    reasons = server.classify(PARCEL.replace("usps", "u\u200bsps"), sender="+639171234567")["reasons"]
    assert all({"symbol", "score", "detail"} <= set(reason) for reason in reasons)
    assert "OBFUSCATED_TEXT" in {reason["symbol"] for reason in reasons}


@pytest.mark.parametrize("disguise", [lambda t: t.replace("prize", "pr\u200bize"), lambda t: t.replace("a", "а")])
def test_a_disguised_scam_scores_like_the_plain_one(server: Server, disguise):
    assert server.classify(disguise(PRIZE))["is_spam"] is True


def test_policies_differ_in_what_they_do_not_in_the_score(server: Server):
    verdicts = [server.classify(PRIZE, policy=policy) for policy in ("strict", "moderate", "lenient")]
    assert len({verdict["spam_score"] for verdict in verdicts}) == 1
    assert verdicts[0]["action"] == "block"
    assert verdicts[2]["action"] != "block"


def test_the_printed_curl_works_as_printed(server: Server):
    import subprocess

    command = next(line for line in server.output.splitlines() if line.startswith("curl"))
    answer = subprocess.run(["bash", "-c", command], capture_output=True, check=True, timeout=30)
    assert json.loads(answer.stdout)["is_otp"] is True


def test_the_documentation_is_there_and_has_examples(server: Server):
    with urllib.request.urlopen(server.url + "/openapi.json", timeout=10) as answer:
        document = json.load(answer)
    post = document["paths"]["/v1/classify"]["post"]
    assert post["requestBody"]["content"]["application/json"]["example"]["text"]
    assert post["responses"]["200"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Verdict"}
    assert {"Verdict", "Problem", "ClassifyRequest", "BatchRequest"} <= set(document["components"]["schemas"])
    with urllib.request.urlopen(server.url + "/docs", timeout=10) as answer:
        assert b"swagger" in answer.read().lower()
