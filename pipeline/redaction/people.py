"""Words around names of people, in the languages of the grammar: greetings, titles, and those without a name."""

from pipeline.redaction.vocabulary import words

#: Greetings and forms of address that a name follows.
GREETINGS = words(
    """
    dear hi hello hey hiya attn attention congrats congratulations estimado estimada estimados apreciado apreciada
    querido querida hola felicidades prezado prezada caro cara olá ola oi parabéns cher chère bonjour salut bonsoir
    félicitations lieber liebe liebes hallo geehrter geehrte moin gentile egregio ciao buongiorno salve geachte
    beste hoi dag hej hei hejsan kära kære moi terve szanowny szanowna cześć witaj drogi droga vážený vážená dobrý
    tisztelt kedves szia stimate stimată dragă bună salut уважаемый уважаемая здравствуйте привет шановний шановна
    вітаємо уважаеми здравейте поштовани поштована zdravo poštovani poštovana αγαπητέ αγαπητή γεια sayın merhaba
    selam değerli yth. yth halo kepada assalamualaikum salam tuan kumusta mahal habari ndugu mpendwa jambo
    प्रिय नमस्ते नमस्कार श्री आदरणीय প্রিয় নমস্কার হ্যালো namaste namaskar priya عزيزي عزيزتي مرحبا مرحباً السيد
    السيدة السلام کاربر سلام آقای خانم שלום היי ውድ ආයුබෝවන් gửi chào สวัสดี เรียน 尊敬的 亲爱的 您好 你好 안녕하세요
    """
)
#: Titles, which no greeting needs to precede.
TITLES = words(
    """
    mr mrs ms miss mx dr prof shri smt sri kumari sr sra srta señor señora sñr sig. sig.ra dott. mme mlle monsieur
    madame m. herr frau dhr mevr bapak ibu pak bu kak sdr sdri encik puan cik datuk ông khun श्रीमती सुश्री श्री
    """
)
#: Who is greeted in place of a name.
ANYBODY = frozenset(
    words(
        """
    customer customers client clients user users member members sir madam sir/madam subscriber friend friends all
    there team guest guests cardholder consumer candidate applicant citizen student students parent parents guardian
    guardians investor taxpayer agent partner passenger resident owner employee colleague everyone guys shopper
    traveller traveler policyholder holder beneficiary merchant seller rider driver patient voter neighbour sirs
    valued esteemed privileged premium account again cliente clientes usuario usuaria usuário usuária señor señora
    socio amigo amiga amigos client cliente clienta clients abonné utilisateur monsieur madame membre kunde kundin
    kunden nutzer damen herren klant gebruiker kund asiakas klient kliencie kliento użytkowniku zákazníku zákazník
    ügyfelünk ügyfél client клиент пользователь абонент друг клієнте користувачу клиенти клијенту klijente πελάτη
    müşterimiz müşteri üyemiz kullanıcı pelanggan nasabah pengguna anda semua tuan puan bapak ibu bapak/ibu suki
    mteja wateja ग्राहक उपयोगकर्ता सदस्य मित्र मित्रों महोदय ग्राहकों গ্রাহক ব্যবহারকারী grahak upbhokta العميل
    عميلنا عميل المستخدم مشترك گرامی مشتری کاربر عزیز לקוח לקוחה ደንበኛ ደንበኛችን khách quý hàng ลูกค้า ท่าน คุณลูกค้า 客户
    用户 会员 顾客 고객님 고객 회원님 お客様
    """
    )
)
#: Those of them that stand behind a brand: "Dear HDFC Bank Customer" names nobody.
OF_A_BRAND = frozenset(
    words("""
    customer customers user users member members client clients subscriber cardholder investor partner agent rider
    driver shopper policyholder
    """)
)
#: Behind these words that is no longer so: "Ravi Kumar User ID".
LABELS = frozenset(words("id name no number code ref care"))
#: Words that begin a sentence behind a greeting, or go on behind a name.
NO_NAMES = frozenset(
    words(
        """
    your you ur use the this that please pls we our otp pin code here a an is are was has have i it its it's in on
    at to for from of and or do don't never not no with by thank thanks welcome verification verify login log sign
    one enter share if dear hi hello mr mrs ms dr kindly as per my me id so good how what when who new account card
    username login-id ac a/c now today su tu sus tus el la los las usa use ingresa código codigo para por no con es
    un una este esta tienes seu sua o os as utilize código digite voce você tem votre ton le les voici utilisez code
    pour ne un une vous nous dein deine ihr ihre der die das hier verwenden sie code für il tuo la tua ecco usa
    gebruik uw je het de din ditt kode anda untuk jangan gunakan twój kod váš vaš ваш код для не ви вы ваше kodunuz
    için आपका आपकी आपके यह कृपया ओटीपी कोड के लिए আপনার aapka aapki aapke apka apna ji जी رمز كود هذا الخاص لك כאן
    קוד รหัส ของ 您的 您 的 인증번호
    """
    )
)
#: Words within names.
PARTICLES = frozenset(
    words("de del la las los da do dos das van von der den bin binti al el ibn ben di du le af zu y e")
)
#: Forms of address behind a name, and whom they do not name: "高橋様", "お客様".
SUFFIXES = words("様 さん 先生 女士 小姐 님 씨")
NOBODY = words("お客 皆 고객 회원 선생 손 お得意 会員")
