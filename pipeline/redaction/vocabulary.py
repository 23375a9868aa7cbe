"""Words that numbers and codes cling to, and names that are written with digits."""

from unicodedata import normalize


def words(text: str) -> list[str]:
    """The words of a table, as they stand in a canonical text."""
    return normalize("NFKC", text).split()


#: The only digits that leave the house: they are no secret, and some say what the message is about.
TERMS = (
    "office 365",
    "microsoft 365",
    *words("""
    2fa 3d 3ds 2g 3g 4g 5g p2p a2a b2b b2c c2c o2 24x7 2-step 2-factor covid-19 1mg 1password 13cabs 2degrees 2go 3bb
    3hk 5paisa 5post 7-eleven 99acres 9mobile auth0 bet365 box8 doktor24 dream11 f2g freedom24 g4s gs25 im3 m6toll
    plus500 przelewy24 qoo10 r2s renta4 sixty60 t2m tele2 web3 zee5 z5
    """),
)
#: Letters that stand before a code without being part of it: "OTP482913", "G-482913".
BEFORE_NUMBER = frozenset(
    words("""
    otp pin tpin mpin upin vpin code codes kode codigo codice codul kod kodu kood koodi cod tac tan mtan token
    passcode password pwd clave senha id no nr num ref reference is es est ist g fb ig wa rs inr usd eur order txn
    utr rrn tel ph mob mobile call sms to at for a c ac acct account card ending
    """)
)
#: Letters that stand behind a number without being part of it: "482913is", "10min", "2nd".
AFTER_NUMBER = frozenset(
    words("""
    is for as to and or min mins minute minutes m s sec secs second seconds h hr hrs hour hours d day days week
    weeks month months year years yr yrs am pm st nd rd th x kg g km mb gb tb gbp inr usd eur rs digit digits step
    do es est ist
    """)
)
#: Words that announce a code.
CODE_WORDS = words("""
    otp pin mpin tpin upin code passcode password passwd pwd tac mtan kode código codigo codice codul kod kodu koodi
    kods kodas contraseña clave senha passwort kennwort sandi token secret पासवर्ड कोड ओटीपी код пароль κωδικός رمز كود
    รหัส 密码 验证码 驗證碼 암호 인증번호 パスワード
""")
#: What follows such a word without being the code.
NO_CODES = frozenset(
    words("""
    otp pin code password passcode this that here it your you the a an is are was will be not no never only valid
    for from of on in to at and or do don dont share shared expires expired expire sent required needed use used
    enter with please confidential secret private keep one once time login log signin sign reset change changed
    request requested verify verification verified auto generated bank app account has have been can must should if
    by yours ours sms su tu es el la para no ist ihr dein est votre le adalah anda untuk jangan seu sua
    """)
)
