import pytest

from pipeline.redaction import redact


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("G-482913 is your code", "G-<CODE> is your code"),
        ("OTP482913 is valid", "OTP<CODE> is valid"),
        ("use 482913is", "use <CODE>is"),
        ("OTP (482913) for you, (020) 7946 0018", "OTP (<CODE>) for you, <PHONE>"),
        ("code K7Q2XM", "code <CODE>"),
        ("A 1 B 2 C 3 ok", "<CODE> ok"),
        ("482-KXP or XK-4829-PQ", "<CODE> or <CODE>"),
        ("รหัส482913คือ", "รหัส<CODE>คือ"),
        ("482\n913", "<CODE>"),
        ("4\u200b8\u200d2\u20609", "<CODE>"),
        ("४\u200d८\u200c२९", "<CODE>"),
        ("4️⃣8️⃣2️⃣9️⃣", "<CODE>"),
        ("4. 8. 2. 9.", "<CODE>."),
        ("87 - 482913 is it", "<NUMBER> - <CODE> is it"),
        ("#482913 @example.com", "#<CODE> @example.com"),
    ],
)
def test_codes(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("card 4111 1111 1111 1111", "card <CARD>"),
        ("card 4111-1111-1111-1112", "card <ACCOUNT>"),
        ("card ending 1234 charged", "card ending <ACCOUNT> charged"),
        ("ending with 1234", "ending with <ACCOUNT>"),
        ("account restored with 351975", "account restored with <CODE>"),
        ("XX1234, xxxx-1234, *1234, ****1234 and ...1234", ", ".join(["<ACCOUNT>"] * 3) + ", <ACCOUNT> and <ACCOUNT>"),
        ("IBAN GB29 NWBK 6016 1331 9268 19 now", "IBAN <ACCOUNT> now"),
        ("to DE89370400440532013000", "to <ACCOUNT>"),
        ("ref 431298765432109", "ref <ACCOUNT>"),
        ("call +91 98765 43210 or 1800 258 6161", "call <PHONE> or <PHONE>"),
        ("PAN ABCDE1234F, Aadhaar 2345 6789 0123", "PAN <ID>, Aadhaar <ID>"),
        ("SSN 123-45-6789, CPF 123.456.789-09", "SSN <ID>, CPF <ID>"),
        ("AWB EX123456789IN", "AWB <ID>"),
    ],
)
def test_numbers_of_people_and_things(text: str, redacted: str) -> None:
    assert redact(text) == redacted


@pytest.mark.parametrize(
    "amount",
    ["Rs. 500", "Rs 2,500.00", "₹1,00,000", "INR 500.5", "500 INR", "30 rupees", "1.234,50 €", "R$ 20,00", "£8", "US$5",
     "A$400", "N9,000.00", "100/-", "1 234 567 Ft", "5000 руб"],
)  # fmt: skip
def test_amounts(amount: str) -> None:
    assert redact(f"Pay {amount} now") == "Pay <AMOUNT> now"


@pytest.mark.parametrize("date", ["12 Nov 2024", "2024-11-12", "Nov 12, 2024", "12/11/24", "12.11.2024", "22-Nov-25"])
def test_dates(date: str) -> None:
    assert redact(f"until {date} or so") == "until <DATE> or so"


@pytest.mark.parametrize("time", ["23:59", "1:15 PM", "10:30pm", "22:10:05", "5pm"])
def test_times(time: str) -> None:
    assert redact(f"until {time} or so") == "until <TIME> or so"


def test_a_code_like_a_date_goes_all_the_same() -> None:
    assert redact("Your code is 12-11-24") == "Your code is <DATE>"


def test_names_with_digits_stay() -> None:
    text = "24x7 2FA by 5paisa, 1mg and Microsoft 365 on 4G, 2-step"
    assert redact(text) == text


@pytest.mark.parametrize("text", ["B2BX9", "365", "5paisa7", "1mg2", "2FA4829"])
def test_what_only_looks_like_such_a_name_goes(text: str) -> None:
    assert not any(c.isdecimal() for c in redact(text))
