#!/usr/bin/env python3
"""Writes texts.json: the texts that every golden test of the tokenizers and models is run on.

The list is a program, not a corpus, so that each text has a known purpose and can be made again byte for byte: no
randomness, no input files, no library whose Unicode tables could change the outcome (only literal code points).

`groups()` gives the texts by purpose, in the order in which texts.json lists them; make_tiny.py picks its subset by
those group names. No text holds a lone surrogate, so every text has a UTF-8 form, and no two texts are equal.

Usage: make_texts.py [--groups]      (--groups prints the index range of each group and writes nothing)
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent

# Words that are one WordPiece each in the vocabulary of bert-base-uncased, which all-MiniLM-L6-v2 uses. Texts meant to
# hit the 256-token limit exactly are counted in these.
ONE_PIECE = ("the", "cat", "house", "river", "time", "water", "people", "music", "city", "war")

SENTENCES = [
    "A man is eating food.",
    "A man is eating a piece of bread.",
    "The girl is carrying a baby.",
    "A cheetah is running behind its prey.",
    "The new movie is awesome, and so is the soundtrack.",
    "It's raining cats and dogs; take an umbrella!",
    "Don't you think we'd've been better off if they hadn't come?",
    "Dr. Smith, Ph.D., arrived at 5 p.m. on Jan. 3rd, 2021 - late as usual.",
    "Is this the real life? Is this just fantasy?",
    "State-of-the-art transformer-based encoders map sentences to dense vectors.",
    "The quick brown fox jumps over the lazy dog.",
    "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG.",
    "tHe qUiCk bRoWn fOx",
    "Antidisestablishmentarianism and pneumonoultramicroscopicsilicovolcanoconiosis are long words.",
    "He said: \"She replied, 'No, I won't,' and left.\"",
    "\u201cCurly quotes\u201d \u2018single\u2019 \u201alow\u2019 \u201elow double\u201d and \u00abguillemets\u00bb",
    "An em dash\u2014like this\u2014an en dash 1990\u20131999, a figure dash 555\u20122368, a minus \u22125.",
    "Buy 3 for the price of 2 (save up to 33.3%)* *terms apply",
    "Mitochondria are the powerhouse of the cell.",
    "How do I reset my password if I no longer have access to my email?",
    "Photosynthesis converts carbon dioxide and water into glucose and oxygen using sunlight.",
    "The Federal Reserve raised interest rates by 25 basis points on Wednesday, citing persistent inflation.",
    "In 1969, Apollo 11 landed on the Moon; Neil Armstrong was the first human to step onto its surface.",
    "query: what is the capital of France?",
    "passage: Paris is the capital and most populous city of France.",
]

LANGUAGES = [
    ("german", "Die Würde des Menschen ist unantastbar. Sie zu achten und zu schützen ist Verpflichtung aller Gewalt."),
    ("german", "Straße, Fußball, Äpfel, Öl und Übermut; DONAUDAMPFSCHIFFFAHRTSGESELLSCHAFTSKAPITÄN"),
    ("german", "STRASSE und STRA\u1e9eE sind gleich lang, fast."),
    ("french", "L'été dernier, nous avons mangé des crêpes à Besançon, où l'œuvre d'art coûtait 10 €."),
    ("french", "Où est-ce qu'il y a un hôtel près d'ici ? C'est déjà l'aïeul qui naît."),
    ("spanish", "¿Dónde está el niño? ¡Mañana habrá más señales de pingüinos!"),
    ("portuguese", "A ação não é só uma questão de coração; às vezes é de pão e maçã."),
    ("italian", "Perché la città è così bella? Perché c'è più virtù."),
    ("catalan", "L'avió col·lideix amb la il·lusió."),
    ("dutch", "De coëfficiënt van de zeeën in IJmuiden is reëel."),
    ("swedish", "Åsa åt ärtsoppa på ön i ån."),
    ("norwegian", "Blåbærsyltetøy på brødskive og rødgrød med fløde."),
    ("danish", "Æblet ligger på øen ved åen."),
    ("icelandic", "Það er gaman að læra íslensku; þýðir ekki að gráta Björn bónda."),
    ("finnish", "Hyvää yötä, älä pelkää pimeää metsää."),
    ("estonian", "Jõeäärne õunapuuaed öösel on külm."),
    ("hungarian", "Árvíztűrő tükörfúrógép. Őrült űrhajós."),
    ("polish", "Zażółć gęślą jaźń. Pchnąć w tę łódź jeża lub ośm skrzyń fig."),
    ("czech", "Příliš žluťoučký kůň úpěl ďábelské ódy."),
    ("slovak", "Kŕdeľ šťastných ďatľov učí pri ústí Váhu mĺkveho koňa."),
    ("romanian", "Țara mea are păduri și câmpii; şi ţară cu sedilă."),
    ("croatian", "Gojazni đačić s biciklom drži hmelj i finu vatu u džepu nošnje. \u01c4 \u01c5 \u01c6 \u01c7 \u01c8 \u01c9 \u01ca \u01cb \u01cc \u01f1 \u01f2 \u01f3"),
    ("turkish", "İstanbul'da ışıklı Iğdır ve iğne; I ı İ i. Pijamalı hasta yağız şoföre çabucak güvendi."),
    ("azerbaijani", "Zəfər, jaketini də papağını da götür, bu axşam hava çox soyuq olacaq."),
    ("vietnamese", "Tiếng Việt có rất nhiều dấu: Nguyễn Thị Ngọc Ánh đến Đà Nẵng."),
    ("vietnamese", "Tie\u0302\u0301ng Vie\u0323\u0302t da\u0302\u0301u to\u0302\u0309 ho\u031b\u0323p"),
    ("latvian", "Ņujorkā šķūņi ir ļoti glīši, ķēve ēd āboliņu."),
    ("lithuanian", "Įlinkdama fechtuotojo špaga sublykčiojusi pragręžė apvalų arbūzą."),
    ("maltese", "Ħaġa moħġaġa ġo żaqq in-nanna."),
    ("welsh", "Ŵy a thŷ yng Nghymru, môr a mynydd."),
    ("irish", "Tá an t-ádh ar Éirinn inniu, go raibh maith agat."),
    ("hawaiian", "Aloha kākou e nā hoa ʻŌlelo Hawaiʻi."),
    ("yoruba", "Ẹ káàárọ̀ o, ṣé dáadáa ni? Ọmọ náà ń jẹun."),
    ("hausa", "Ɓauna da ƙarfi, ɗan makaranta ya yi ƴanci."),
    ("swahili", "Habari ya asubuhi, rafiki yangu? Haraka haraka haina baraka."),
    ("greek", "Η γρήγορη καφέ αλεπού πηδάει πάνω από το τεμπέλικο σκυλί. Ο Οδυσσέας ΟΔΥΣΣΕΥΣ."),
    ("greek", "Ἐν ἀρχῇ ἦν ὁ λόγος, καὶ ὁ λόγος ἦν πρὸς τὸν θεόν· ᾳ ᾼ ῼ"),
    ("greek", "ΜΑΪΟΣ ΌΣΟΣ ΣΑΣ Σ ΑΣ ΑΣΒ ς σ"),
    ("russian", "Съешь же ещё этих мягких французских булок, да выпей чаю. Ёжик и йод."),
    ("russian", "МОСКВА — столица России; в 2020 году здесь жило 12 млн. человек."),
    ("ukrainian", "Жебракують філософи при ґанку церкви в Гадячі, ще й шатро їхнє п'яне знаємо. Її єнот."),
    ("bulgarian", "Ах, чудна българска земьо, полюшвай цъфтящи жита."),
    ("serbian", "Љубазни фењерџија чађавог лица хоће да ми покаже штос. Ђура и Ћира."),
    ("macedonian", "Ѕидарски пејзаж: шугав билмез со чудење џвака ќофте и ѓомлезе."),
    ("kazakh", "Қазақстан Республикасының астанасы — Астана қаласы, әңгіме үшін өте жақсы."),
    ("mongolian", "Щётканы фермд пийшин цувъя. Бөгж зогсч хэльюү."),
    ("old church slavonic", "Въ нача́лѣ бѣ̀ сло́во \u0461 \ua64b \u0483\u0484 \ua66f"),
    ("georgian", "საქართველო ულამაზესი ქვეყანაა კავკასიაში. \u1ca1\u1c90\u1ca5\u1c90\u10a0\u2d00"),
    ("armenian", "Բոլոր մարդիկ ծնվում են ազատ ու հավասար։ ԵՎ և \ufb13\ufb17"),
    ("arabic", "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق، أليس كذلك؟"),
    ("arabic", "السَّلَامُ عَلَيْكُمْ ١٢٣٤٥ ـــ ﷺ ﷽ ﻻ"),
    ("persian", "می\u200cخواهم به خانه بروم؛ کتاب‌های گچ پژ ۱۲۳۴"),
    ("urdu", "تمام انسان آزاد اور حقوق و عزت کے اعتبار سے برابر پیدا ہوئے ہیں۔"),
    ("pashto", "ټول انسانان ازاد نړۍ ته راځي ښځه ځوان."),
    ("hebrew", "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם."),
    ("hebrew", "בְּרֵאשִׁית בָּרָא אֱלֹהִים אֵת הַשָּׁמַיִם וְאֵת הָאָרֶץ׃ ש\u05c1 \ufb2a"),
    ("yiddish", "יעדער מענטש ווערט געבוירן פֿרײַ און גלײַך \u05f0\u05f1\u05f2."),
    ("syriac", "\u0712\u072a\u072b\u071d\u072c \u0710\u071d\u072c\u0718\u0717\u071d \u0717\u0718\u0710 \u0721\u0720\u072c\u0710 \u0730\u0731"),
    ("nko", "\u07d2\u07de\u07cf \u07ca\u07d3\u07ca\u07e1\u07ca \u07eb\u07ec \u07c1\u07c2"),
    ("hindi", "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है। क़ ख़ \u0958"),
    ("marathi", "महाराष्ट्र राज्यातील पुणे शहर ऱ्हास ॲप."),
    ("nepali", "नेपालको राजधानी काठमाडौं हो। १२३"),
    ("sanskrit", "ॐ भूर्भुवः स्वः तत्सवितुर्वरेण्यं ॥ \u0951\u0952\u1cd0"),
    ("bengali", "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে। ড় \u09dc"),
    ("assamese", "অসমীয়া ভাষা ৰাজ্যখনৰ মুখ্য ভাষা।"),
    ("punjabi", "ਸਾਰਾ ਮਨੁੱਖੀ ਪਰਿਵਾਰ ਆਪਣੀ ਮਹਿਮਾ ਸ਼ਾਨ ਲੈ ਕੇ ਜੰਮਦਾ ਹੈ।"),
    ("gujarati", "પ્રતિષ્ઠા અને અધિકારોની દૃષ્ટિએ સર્વ માનવો જન્મથી સ્વતંત્ર છે."),
    ("oriya", "ସମସ୍ତ ମଣିଷ ଜନ୍ମକାଳରୁ ସ୍ୱାଧୀନ \u0b55"),
    ("tamil", "மனிதப் பிறிவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்; கொ \u0b95\u0bca"),
    ("telugu", "ప్రతిపత్తిస్వత్వముల విషయమున మానవులెల్లరును జన్మతః స్వతంత్రులు. \u0c3c"),
    ("kannada", "ಎಲ್ಲಾ ಮಾನವರೂ ಸ್ವತಂತ್ರರಾಗಿಯೇ ಜನಿಸಿದ್ದಾರೆ."),
    ("malayalam", "മനുഷ്യരെല്ലാവരും തുല്യാവകാശങ്ങളോടെ ജനിച്ചിട്ടുള്ളവരാണ് ൻ ർ ൽ."),
    ("sinhala", "සියලු මනුෂ්‍යයෝ නිදහස්ව උපත ලබා ඇත."),
    ("thai", "เราทุกคนเกิดมาอย่างอิสระ เราทุกคนมีความคิดและความเข้าใจเป็นของเราเอง ๑๒๓ ๏ ๚๛"),
    ("lao", "ມະນຸດເກີດມາມີສິດເສລີພາບ ແລະ ສະເໝີໜ້າກັນ ໝາ"),
    ("khmer", "មនុស្សទាំងអស់កើតមកមានសេរីភាពនិងភាពស្មើៗគ្នា។ ៛"),
    ("burmese", "လူတိုင်းသည် တူညီ လွတ်လပ်သော ဂုဏ်သိက္ခာဖြင့် လည်းကောင်း။"),
    ("tibetan", "འགྲོ་བ་མིའི་རིགས་རྒྱུད་ཡོངས་ལ་སྐྱེས་ཙམ་ཉིད་ནས་ \u0f43\u0f76"),
    ("mongolian script", "\u182c\u1826\u182e\u1826\u1828 \u182a\u1826\u1837\u180e\u1820 \u180b \u1885\u1886"),
    ("amharic", "የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው። ፩፪፫ ፡፣"),
    ("tigrinya", "ብመንፅር ክብርን መሰልን ኩሎም ሰባት እንትውለዱ ነፃን ማዕሪን እዮም።"),
    ("cherokee", "\u13a0\u13c2\u13f4\u13be \u13a4\u13be\u13d3\u13c5\u13ae\u13cd\u13d7 \uab70\uab71\u13f8"),
    ("inuktitut", "ᐃᓄᓕᒫᑦ ᐊᓂᖅᑎᕆᔪᓕᒫᑦ ᐃᓅᓚᐅᕐᒪᑕ ᐊᔪᙱᑦ"),
    ("ogham and runes", "\u169b\u1693\u1690\u1685\u169c \u16a0\u16a2\u16a6\u16a8\u16b1\u16b2 \u16eb\u16ec"),
    ("chinese", "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心。"),
    ("chinese", "北京是中华人民共和国的首都，人口超过2100万。"),
    ("chinese", "臺灣的首都是臺北市，繁體中文測試：「引號」、『雙引號』…"),
    ("cantonese", "佢哋喺度食緊嘢，冇問題㗎，𨋢壞咗。"),
    ("japanese", "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"),
    ("japanese", "東京タワーへ行きたいです！ガギグゲゴ パピプペポ が か\u3099 は\u309a"),
    ("japanese", "ﾊﾝｶｸｶﾅ ﾊﾞｯｸ ﾎﾟｽﾄ ｰ ゝゞヽヾ 〆〇々 ㍿ ㌔ ㋿"),
    ("korean", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다."),
    ("korean", "서울특별시 한국어 테스트입니다. 값 닭 뷁 쀍"),
    ("korean", "\u1112\u1161\u11ab\u1100\u1173\u11af \u3131\u3134\u3137 \uffa1\uffa4 \ud7b0\ua960"),
    ("esperanto", "Eĥoŝanĝo ĉiuĵaŭde, laŭ Ludoviko Zamenhof bongustas freŝa ĉeĥa manĝaĵo kun spicoj."),
    ("ipa", "ðə kwɪk bɹaʊn fɒks d͡ʒʌmps ˈoʊvɚ ə̃ ɕʑʐ \u02d0\u02de"),
    ("pinyin", "Nǐ hǎo, wǒ jiào Lǐ Míng; lǜsè de nǚ'ér ǖǘǚǜ"),
    ("mixed", "I love 東京 and Москва, عربي, हिन्दी and ไทย in one line 한국."),
]

CODE = [
    "#include <stdio.h>\nint main(void) { printf(\"Hello, world!\\n\"); return 0; }",
    "def fib(n: int) -> int:\n    return n if n < 2 else fib(n - 1) + fib(n - 2)  # O(2**n)",
    "for (let i = 0; i < arr.length; ++i) { console.log(`item ${i}: ${arr[i] ?? 'none'}`); }",
    "SELECT u.id, COUNT(*) AS n FROM users u LEFT JOIN orders o ON o.uid = u.id WHERE u.age >= 18 GROUP BY u.id;",
    "fn main() -> Result<(), Box<dyn std::error::Error>> { let x: &'static str = r#\"raw\"#; Ok(()) }",
    "template<typename T> auto operator<=>(const T& a, const T& b) noexcept -> std::strong_ordering;",
    "grep -rn --include='*.c' 'TODO' src/ | awk -F: '{print $1}' | sort -u > out.txt 2>&1 && echo $?",
    "if (a&&b||!c) x^=~y>>3|z<<2; else w%=7;",
    "snake_case_name camelCaseName PascalCase SCREAMING_SNAKE kebab-case __dunder__ $var @attr #tag",
    "{\"key\": [1, 2.5e-10, null, true], \"nested\": {\"a\\\"b\": \"\\u00e9\"}}",
    "<html><body class=\"x\">&lt;b&gt; &amp; &#x27; <br/></body></html>",
    "# Title\n\n* item **bold** _it_ `code`\n\n> quote\n\n| a | b |\n|---|---|\n",
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><![CDATA[ x < y ]]><!-- comment -->",
    "\\documentclass{article} $\\frac{a}{b} \\leq \\sum_{i=0}^{\\infty} x_i^2$ \\end{document}",
    "https://www.example.com:8080/path/to/file.html?query=1&b=%20x#frag-ment_2",
    "user.name+tag@sub-domain.example.co.uk ftp://10.0.0.1/ C:\\Users\\me\\file.txt ~/.bashrc",
    "Commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 uuid 123e4567-e89b-12d3-a456-426614174000",
    "0x1F 0b1010 0o777 1_000_000 6.022e23 -1.5E-7 .5 5. 1,234,567.89 1.234.567,89",
    "3.14159265358979323846264338327950288419716939937510",
    "1234567890" * 12,
    "+1 (555) 010-9999, 12:34:56.789, 2024-02-29T23:59:60Z, 50%, #1, No.5, 1st 2nd 3rd, 1/2",
    "IPv6 2001:0db8:85a3::8a2e:0370:7334 MAC 00:1B:44:11:3A:B7",
    "\u0661\u0662\u0663 \u06f4\u06f5 \u0967\u0968 \u0e51\u0e52 \uff11\uff12 \u00b2\u00b3\u00b9 \u00bd\u00bc \u2460\u2461 \u2160\u2163 \u216f \u4e00\u4e8c",
]

EMOJI = [
    "\U0001f600",
    "I \u2764\ufe0f you \U0001f60d\U0001f60d\U0001f60d!!!",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family",
    "thumbs \U0001f44d\U0001f3fb\U0001f44d\U0001f3ff ok",
    "\U0001f1fa\U0001f1f8\U0001f1e9\U0001f1ea\U0001f1ef\U0001f1f5 flags \U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "\U0001f3f3\ufe0f\u200d\U0001f308 1\ufe0f\u20e3 #\ufe0f\u20e3 \u00a9\ufe0f \u2122",
    "word\U0001f600word\U0001f600",
    "\u2603\u2604\u2605 \u2660\u2663 \u266a \u2713\u2717 \u262f \u2620 \u231a \u23f0",
    "\U0001fae0\U0001fae8\U0001fac3\U0001fabf new emoji \U0001f6dc\U0001fac6",
    "ok\U0001f9d1\U0001f3fd\u200d\U0001f4bb\U0001f937\U0001f3fe\u200d\u2642\ufe0fok",
    ":-) ;-P <3 \u00af\\_(\u30c4)_/\u00af (\u256f\u00b0\u25a1\u00b0)\u256f\ufe35 \u253b\u2501\u253b",
]

PUNCTUATION = [
    "!", "?!?!?!", "...", "\u2026", "----------", "=" * 60, "!!!!!????....,,,,;;;;::::",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "a!b\"c#d$e%f&g'h(i)j*k+l,m-n.o/p:q;r<s=t>u?v@w[x\\y]z^a_b`c{d|e}f~g",
    "$100 +5 <tag> a=b x>y p^q `tick` |pipe| ~tilde~",
    "a$b a+b a<b a=b a>b a^b a`b a|b a~b",
    "\u20ac100 5\u00d73 10\u00f72 \u00a35 \u00a5500 \u20b910 \u20bf1 \u00a2 \u00a4",
    "a\u20acb a\u00d7b a\u00f7b a\u00b1b a\u00acb a\u00a6b a\u00a8b a\u00b4b a\u00afb a\u00b8b a\u00b0b",
    "a\u00a1b a\u00a7b a\u00abb a\u00b6b a\u00b7b a\u00bbb a\u00bfb a\u2010b a\u2011b a\u2014b a\u2020b a\u2030b a\u203bb a\u2052b",
    "a\u037eb a\u0387b a\u055ab a\u0589b a\u05beb a\u060cb a\u061bb a\u061db a\u066ab a\u06d4b a\u0964b a\u0e4fb a\u0f04b a\u10fbb a\u166eb a\u1800b",
    "a\u3001b a\u3002b a\u3008b a\u300cb a\u301cb a\u3030b a\u30a0b a\u30fbb a\ufe10b a\ufe30b a\ufe4fb a\uff01b a\uff0cb a\uff5eb a\uff5fb a\uff65b",
    "new punctuation a\u2e3cb a\u2e43b a\u2e4fb a\u2e52b a\u2e5db a\u1b7db a\u1b4eb a\u061db a\u0c77b a\u0c84b a\ua9c1b",
    "astral punctuation a\U00010100b a\U00010a50b a\U00011047b a\U000110beb a\U00012470b a\U00016a6eb a\U0001bc9fb a\U0001da87b a\U0001e95eb",
    "astral newer punctuation a\U000113d4b a\U00011943b a\U00011f43b a\U00010eadb a\U00010f55b a\U00016e97b a\U0001145ab a\U00011660b",
    "math \u2200x\u2208\u211d: x\u00b2\u22650 \u21d2 \u222b\u2080\u221e e^{\u2212x}dx = 1 \u2260 \u2248 \u221a2 \u03c0\u22483.14 \u2211 \u220f \u2202 \u2207",
    "\U0001d400\U0001d41a\U0001d5d4\U0001d7d8 \u210d\u2115\u211a\u211d\u2124 \u212b \u2126 \u212a K \u00b5 \u03bc",
    "arrows \u2190\u2191\u2192\u2193\u21d4 boxes \u2500\u2502\u250c\u2588\u2591 dots \u2022\u25cf\u25e6",
    "(((())))[[[]]]{{{}}}<<<>>>", "''''''\"\"\"\"\"\"``````", "a.b.c.d.e.f", "\u2019tis the season\u2019s", "@@@ ### $$$ %%% ^^^ &&& ***",
]

SPACES = [
    " ", "   ", "\t", "\n", "\r\n", "a\tb\nc\rd\r\ne", "  leading and trailing  ",
    "a\u00a0b\u1680c\u2000d\u2001e\u2002f\u2003g\u2004h\u2005i\u2006j\u2007k\u2008l\u2009m\u200an\u202fo\u205fp\u3000q",
    "line\u2028separator", "paragraph\u2029separator", "next\u0085line", "vertical\u000btab", "form\u000cfeed",
    "zero\u200bwidth\u200bspace", "word\u2060joiner", "fs\u001cgs\u001drs\u001eus\u001fend", "mongolian\u180evowel separator",
    "\u3000\u3000\u3000", "\u00a0", "\u2028", "\u000b", "\u0085", "tab\t\ttab    many     spaces", "\n\n\n\nfoo\n\n\n",
    "braille\u2800blank hangul\u3164filler half\uffa0filler jamo\u115f\u1160filler",
]

CONTROLS = [
    "nul\x00inside", "\x00", "\x00\x00leading nul", "trailing nul\x00", "bell\x07back\x08space esc\x1b[31mred\x1b[0m del\x7fete",
    "c1 \x80\x81\x84\x86\x90\x9f controls", "soft\u00adhyphen co\u00adop\u00ader\u00ada\u00adtion", "\ufeffbyte order mark at the start", "bom\ufeffinside",
    "zw\u200djoin zw\u200cnon\u200cjoin", "\u200eltr\u200f rtl \u202aembed\u202c \u202dover\u202c \u2066iso\u2069",
    "replacement\ufffdcharacter \ufffd", "\ufffd", "\ufffc object \ufff9anno\ufffatation\ufffb", "private \ue000\uf8ff use\ue123glued",
    "astral private \U000f0000\U000ffffd \U00100000\U0010fffd glued\U000f1234word", "unassigned \u0378\u0379\u0530\u2fe0\uffff glued\u0378word",
    "nonchar \ufdd0\ufdef\ufffe\uffff x\ufdd0y x\ufffey", "astral nonchar \U0001fffe\U0001ffff\U0010fffe\U0010ffff x\U0001ffffy",
    "astral unassigned \U0001dead\U00050000\U000e0fff x\U00050000y", "tags \U000e0001\U000e0041\U000e007f variation \ufe00\ufe0f \U000e0100 x\ufe0fy",
    "arabic number sign \u0600\u0601\u06dd\u070f \U000110bd\U0001bca0\U0001d173 glued\u06ddword",
    "invisible \u2061\u2062\u2063\u2064 math a\u2062b", "deprecated \u206a\u206f \u0149 \u0673 \u0f77 \u17a3 a\u206ab", "\u034f grapheme\u034fjoiner khmer\u17b4\u17b5",
    "\u200b", "\u00ad\u00ad", "\ue000", "\u200d\u200d\u200d", "x\x01y\x02z \x03 \x04",
    "egyptian format a\U00013430b a\U0001343fb shorthand a\U0001bca3b musical a\U0001d17ab",
]

COMBINING = [
    "caf\u00e9 cafe\u0301", "\u00c5ngstr\u00f6m A\u030angstro\u0308m \u212bngstr\u00f6m", "\u1e9b\u0323 \u017f\u0323\u0307 \u1e69 s\u0323\u0307 s\u0307\u0323", "a\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308 zalgo",
    "Z\u0351\u036b\u0343a\u0334\u0335l\u0337g\u0338o\u0361 t\u035co\u0360p\u033c", "\u0301leading mark", "space \u0301 mark", "\u0301", "\u0301\u0302\u0303",
    "enclosing a\u20dd b\u20de c\u0488 d\u20e3", "spacing \u0903 \u093e\u0940 \u0949 \u0bbe \u0d3e a\u0903b", "newer marks a\u08d3b a\u08d4b a\u0898b a\u1ac1b a\u1abfb a\u1df6b a\u1dfbb a\u1dfab a\u0cf3b a\u0d00b a\u0d3bb a\u0afab",
    "newer astral marks a\U00011c92b a\U0001193bb a\U00010eabb a\U00010f46b a\U00011cb5b a\U0001e08fb a\U0001e2aeb a\U0001e4ecb a\U00011f00b a\U00010efdb a\U000113ceb a\U0001611eb",
    "unicode 16 a\U00010d69b a\U000113bbb a\U00010efcb a\u0897b unicode 17 a\u1acfb a\u1addb",
    "\u1100\u1161 \uac00 \u1100\u1161\u11a8 \uac01 \ub098\u0301", "\u0958 \u0915\u093c \u09cb \u09c7\u09be \u0cca \u0dda \u0b94 \u1025\u102e \u1026", "\u304c \u304b\u3099 \u30d7 \u30d5\u309a",
    "\u0344 \u0340 \u0341 \u0374 \u037e \u0387 \u1fef \u2000 \u2126 \u212a", "\uf900\uf901 \ufa0e\ufa0f\ufa10 \U0002f800\U0002fa1d compat ideographs",
    "\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06 of\ufb01ce e\ufb03cient \u0132\u0133 \ua732 \u01c4", "\uff21\uff22\uff23\uff41\uff42\uff43\uff10\uff11 \uff28\uff45\uff4c\uff4c\uff4f\uff01",
    "\u2126 \u2160 \u24b6\u24d0 \U0001f150 \u1d2c \u02b0 \u2090 \u00aa\u00ba", "\u0130I\u0131i \u0130\u0307 i\u0307 \u0049\u0307", "\u1e9e \u00df SS ss \u00dfen", "\u03a3 \u0391\u03a3 \u0391\u03a3. \u0391\u03a3\u0301 \u0391\u00ad\u03a3 a\u03a3 \u03a3\u03a3\u03a3",
    "\u01c5 \u01c8 \u01cb \u01f2 \u1f88 \u1fbc", "\u0587 \ufb13 \u0149 \u01f0 \u1e96 \u1f50 \u1fe4", "\u10a0\u10d0\u1c90\u2d00 \u13a0\uab70 \u2c00\u2c30 \ua640\ua641 \U00010400\U00010428 \U00010c80\U00010cc0 \U000118a0\U000118c0 \U0001e900\U0001e922",
    "new case pairs \u2c2f\u2c5f \ua7c0\ua7c1 \ua7c7\ua7c8 \ua7d0\ua7d1 \ua7cb\u0264 \ua7da\ua7db \u1c89\u1c8a \U00010570\U00010597 \U00016e40\U00016e60 \U00010d50\U00010d70",
    "\u0390 \u03b0 \u1fd3 \u1fe3 \u1fb7 \u1ff7", "\u0f73 \u0f75 \u0f81 \u0f71\u0f72 \u0f71\u0f74", "marks in order q\u0323\u0307 q\u0307\u0323 q\u0345\u0301 x\u05b0\u05bc\u05c1 x\u064b\u0651 x\u0651\u064b",
    "stroke letters \u00d8\u00f8 \u0141\u0142 \u0110\u0111 \u0126\u0127 \u0166\u0167 \u023a\u2c65 \u00fe\u00de \u00f0\u00d0 \u00e6\u00c6 \u0153\u0152",
]

SPECIAL_NAMES = ["[CLS]", "[SEP]", "[MASK]", "[UNK]", "[PAD]"]

SPECIALS = (
    SPECIAL_NAMES
    + [s.lower() for s in SPECIAL_NAMES]
    + ["x" + s + "y" for s in SPECIAL_NAMES]
    + [
        "The capital of France is [MASK].", "[CLS] hello [SEP] world [SEP]", "[CLS][CLS][SEP][SEP]", "[PAD][PAD][PAD][PAD]", "foo [PAD] bar", "[MASK][MASK][MASK]",
        " [MASK] ", "a [MASK]b", "a[MASK] b", "[[MASK]]", "[MASK", "MASK]", "[ MASK ]", "[MA\u00adSK]", "[M\u00c1SK]", "[MASK]\u0301", "\u0301[MASK]", "[mask] [Mask] [MASK]",
        "[CLS\u200b]", "[\x00CLS]", "[UNK][unk]", "[unused0] [unused1] [unused99]", "<s> </s> <pad> <unk> <mask> <|endoftext|> [gMASK] <cls>", "##ing ##s # #ing", "##", "[SEP].[SEP]", "\U0001f600[SEP]\U0001f600",
        "\u5317[SEP]\u4eac", "caf\u00e9[CLS]caf\u00e9", "[CLS]" * 30, "[SEP] " * 30, "word [MASK] " * 90,
    ]
)

WORD_LENGTHS = (
    ["a" * n for n in (1, 2, 3, 10, 50, 98, 99, 100, 101, 102, 150, 200, 1000)]
    + ["the" * 33 + "x" * n for n in (0, 1, 2, 3)]
    # Accents: composed e-acute is one character before and after stripping; decomposed it is two, then one.
    + ["\u00e9" * n for n in (99, 100, 101)]
    + ["e\u0301" * n for n in (50, 51, 99, 100, 101)]
    # Soft hyphens vanish, so 101 written characters may be 100 counted ones.
    + ["a" * 100 + "\u00ad", "a\u00ad" * 100, "a\u00ad" * 101, "a" * 50 + "\u200d" + "a" * 50, "a" * 50 + "\u200d" + "a" * 51]
    # Hangul syllables become two or three jamo each.
    + ["\uac00" * n for n in (33, 34, 50, 51, 100)] + ["\uac01" * n for n in (33, 34)] + ["\uac00" * 49 + "\uac01", "\uac00" * 48 + "\uac01" + "\uac00"]
    # Lower-casing that lengthens: dotted capital I becomes i + a mark, which the stripping removes (or not).
    + ["\u0130" * n for n in (50, 51, 99, 100, 101)]
    # Spacing marks are not stripped, astral characters count one each, punctuation ends a word.
    + ["\u0915\u0903" * n for n in (50, 51)] + ["\U00010428" * n for n in (99, 100, 101)] + ["\U0001f600" * n for n in (100, 101)]
    + ["a" * 100 + "." + "a" * 101, "a" * 101 + " b", "b " + "a" * 101 + " b " + "a" * 100, "a" * 60 + "-" + "a" * 60, "a" * 60 + "\u20ac" + "a" * 60, "a" * 99 + "\u20ac", "a" * 99 + "\u20ac\u20ac"]
    + ["\u4e2d" * 101, "a" * 100 + "\u4e2d" + "a" * 100, "a" * 101 + "[SEP]" + "a" * 101]
)

# The ranges that BERT takes for CJK ideographs, with both edges; \u9fff+1 and others are outside, and the gaps
# (Hangul, kana, U+2B81E..F, U+2CEB0.., U+30000..) must not be split.
CJK_EDGES = [
    "a\u33ffb a\u3400b a\u4dbfb a\u4dc0b a\u4dffb a\u4e00b a\u9fffb a\ua000b", "a\uf8ffb a\uf900b a\ufaffb a\ufb00b", "a\u2e80b a\u2fd5b a\u3007b a\u3021b a\u3105b a\u3220b",
    "a\U0001ffffb a\U00020000b a\U0002a6dfb a\U0002a6e0b a\U0002a6ffb a\U0002a700b", "a\U0002b73fb a\U0002b740b a\U0002b81fb a\U0002b820b a\U0002ceafb a\U0002ceb0b a\U0002ebe0b a\U0002ebf0b",
    "a\U0002f7ffb a\U0002f800b a\U0002fa1fb a\U0002fa20b a\U00030000b a\U0003134ab a\U00031350b a\U000323b0b", "\u3040\u3041\u3042 \u30a2\u30ff \u31f0 \uac00 \u4e00\u30fc\u4e8c", "\U00020000\U0002a6d6\U0002b740 \u20000", "abc\u4e2ddef\u6587ghi",
]

UNKNOWN = [
    "\U00013000\U00013001\U00013002", "\U00012000 \U00012001 \U00012002", "\u2c00\u2c01 \ua4d0\ua4d1 \ua500\ua501", "\U00010380\U00010381 \U00010900\U00010901", "\ua980\ua981\ua982 \u1b05\u1b06", "\U0001f9ff \U0001f9fe", "\u2801\u2803\u2809 \u2819\u2811",
    "a\U00013000b known \U00013000", "\U0001d11e \U0001d122",
]


def words(n):
    """Text of `n` words that are one piece each, so `n + 2` tokens with [CLS] and [SEP]."""
    return " ".join(ONE_PIECE[i % len(ONE_PIECE)] for i in range(n))


def groups():
    """The texts by purpose: a dict {group name: [text, ...]}; its order is the order of texts.json."""
    limit = (
        # Total tokens, specials included, just around 256 and, for the texts' own tokens, around 256 as well.
        [words(n - 2) for n in (253, 254, 255, 256, 257, 258, 259)]
        # A word of several pieces across the cut: the limit cuts pieces, not words.
        + [words(n) + " embeddings tokenization antidisestablishmentarianism" for n in (250, 251, 252, 253, 254)]
        + [words(253) + end for end in (".", ". end", " \u4e2d\u6587", "...", " [SEP]", " [SEP] tail", " " + "a" * 101, "    ", "\u00ad")]
        + [words(254) + " [SEP]", words(254) + " [MASK][MASK]", "[CLS] " + words(252) + " [SEP]", "\u4e2d" * 254, "\u4e2d" * 255, "." * 254, "." * 255, "[MASK]" * 254, "[MASK]" * 256]
        # Limits of other models: 128 and 512.
        + [words(n - 2) for n in (30, 64, 127, 128, 129, 384, 511, 512, 513)]
    )
    long_texts = [
        " ".join(SENTENCES[:12]), " ".join(SENTENCES), " ".join(SENTENCES) * 4, words(2100),
        " ".join(s for name, s in LANGUAGES if name in ("german", "french", "russian", "chinese", "arabic")) + " ",
        " ".join(s for _, s in LANGUAGES), " ".join(CODE), "\n".join(f"{i}. item number {i * i} of the list" for i in range(1, 60)),
        "lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua. " * 3,
        "ha" * 400, "no " * 400, "\U0001f600 " * 300, "word\n" * 100,
    ]
    short = ["", "a", "Z", "7", "\u00e9", "\u4e2d", "I", "ok", "Hello", "hello world", "Hello, World!", "yes.", "embeddings", "unaffable", "playing", "##ing", "don't", "U.S.A.", "C++", "C#", ".NET", "e-mail", "x" * 30, "a b c d e f g"]
    return {
        "short": short,
        "sentence": SENTENCES,
        "language": [s for _, s in LANGUAGES],
        "code": CODE,
        "emoji": EMOJI,
        "punctuation": PUNCTUATION,
        "space": SPACES,
        "control": CONTROLS,
        "combining": COMBINING,
        "special": list(SPECIALS),
        "word-length": WORD_LENGTHS,
        "cjk-edge": CJK_EDGES,
        "unknown": UNKNOWN,
        "limit": limit,
        "long": long_texts,
    }


def all_texts():
    """Every text, in the order of texts.json; fails if two are equal or one holds a lone surrogate."""
    seen, out = set(), []
    for name, members in groups().items():
        for text in members:
            text.encode("utf-8")  # raises on a lone surrogate
            if text not in seen:
                seen.add(text)
                out.append(text)
    return out


def group_indices():
    """{group name: [index into texts.json, ...]}; a text that an earlier group has too counts for both."""
    index = {text: i for i, text in enumerate(all_texts())}
    return {name: [index[t] for t in members] for name, members in groups().items()}


def dump_lines(path, rows):
    """Writes a JSON array with one element a line, all ASCII: diffs stay readable and no editor can mangle a text."""
    body = ",\n".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in rows)
    path.write_text("[\n" + body + "\n]\n", encoding="ascii", newline="\n")


def main():
    if sys.argv[1:] == ["--groups"]:
        for name, indices in group_indices().items():
            print(f"{name}: {min(indices)}..{max(indices)} ({len(indices)} texts)")
        return
    dump_lines(HERE / "texts.json", all_texts())


if __name__ == "__main__":
    main()
