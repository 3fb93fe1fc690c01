"""Normalizers and pre-tokenizers as a tokenizer.json has them: each with each of its options, and those of real models."""

import base64

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
CL100K = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
O200K = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DEEPSEEK = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
BEHAVIORS = ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]

PATTERNS = [
    GPT2, LLAMA3, QWEN, CL100K, O200K, DEEPSEEK, r"\s+", r"\S+", r"\w+", r"\W", r"\d", r"\D+", r"\h+", r"\H+", r"\b", r"\B", r"^", r"$", r"\A.", r".\z", r".\Z", r"x*", "",
    r"[a-z]+", r"[^a-z]+", r"(?i:[a-z]+)", r"(?i)abc|the", r"(?<=a)b", r"(?<!a)b", r"a(?=b)", r"a(?!b)", r"(?>a+)b", r"a{2}", r"a{2,}", r"a{1,2}?", r"a{2}?", r"a{1,3}+", r"a{,2}b",
    r"(?m:a.)", r"a.", r"[\s\d]+", r"[^\s\d]", r"[\]\-x]", r"[]a]", r"[a-]", r"[a[bc]]", r"\x41|\x{e9}|\u4e2d", r"\t|\n|\r|\f|\v|\a|\e", r"(?:ab|a)(?:c|bcd)", r"(a|ab)(c|bcd)(d*)", r"(?<name>a)b?",
    r"a+?b", r"a*?", r"a++b", r"a*+a", r"(?:a|b)*c", r"(a+)+", r"a**", r"[一-龥぀-ゟ゠-ヿ]+", r"[\p{Han}ー]+", r"\p{^L}+", r"\P{L}", r"[^\P{L}a]", r" {2,}", r"[\r\n]+", r"\/|\,|\ ", "\u00e9+", r"^\s+|\s+$",
    r"(?-i:a)(?i:B)", r"a|b|", r"|a", r"()", r"a{", r"a{x}", r"}", r"]", r"-", r"&&", r"[&]", r"[^\n]+", r"\p{Lu}\p{Ll}*", r"(?i:k)", r"(?i:s)",
    r"\p{Letter}", r"\p{Punctuation}", r"\p{Mark}|\p{Number}", r"\p{Symbol}", r"\p{Separator}", r"\p{Other}",
]
# What Oniguruma can do (or refuses, too) and we refuse by name.
REFUSED = "refused-"
REFUSED_PATTERNS = [r"(?s-x:a)", r"(?i:sS)", r"(?i:\u00e9)", r"(?i:[^a])", r"(?i:\p{L})", r"\N", r"\R", r"\X", r"\K", r"a\1", r"(a)\1", r"\G", r"\y", r"(?~a)", r"(?(1)a|b)", r"\p{Any}", r"[[:alpha:]]", r"[a&&b]", r"\p{Alpha}", r"\p{uppercase_letter}", r"\pL", r"[\d-x]", r"a(?i)b|c", "(", ")", "[", "a{2,1}", "*", "^*", "\\", "a{1001}", "(" * 70 + ")" * 70]
PATTERNS += [rf"\p{{{p}}}+" for p in "L M N P S Z C Cn Cc Cf Co Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs Arabic Armenian Bengali Bopomofo Common Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew Hiragana Inherited Kannada Katakana Khmer Lao Latin Malayalam Mongolian Myanmar Oriya Sinhala Tamil Telugu Thai Tibetan".split()]


def charsmap(pairs):
    """A charsmap of SentencePiece with these keys, built unit by unit: first fit of every node's children."""
    tree, texts = {}, b""
    for key, value in sorted(pairs.items()):
        node = tree
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[None] = len(texts)
        texts += value.encode() + b"\0"
    units, used = {}, {0}

    def place(node, at):
        """Puts the children of `node` at at ^ offset ^ label; the leaf has the label 0."""
        labels = [0 if k is None else k for k in node]
        offset = 1
        while any((at ^ offset ^ label) in used for label in labels) or (offset >= 1 << 21):
            offset += 1
        base = at ^ offset
        used.update(base ^ label for label in labels)
        units[at] = units.get(at, 0) | offset << 10 | (1 << 8 if None in node else 0)
        for label, child in node.items():
            if label is None:
                units[base] = 1 << 31 | child
            else:
                units[base ^ label] = label
        for label, child in node.items():
            if label is not None:
                place(child, base ^ label)

    place(tree, 0)
    size = max(max(units), max(used)) + 257
    trie = b"".join(units.get(i, 0).to_bytes(4, "little") for i in range(size))
    return base64.b64encode(len(trie).to_bytes(4, "little") + trie + texts).decode()


def charsmaps():
    """One for each oddity: nothing becomes something, a prefix shadows, clusters, growing and shrinking."""
    yield "map-small", charsmap({"a": "b", "e\u0301": "E", "\u00a9": "(c)", "\ufb01": "fi", "\u3000": " "})
    yield "map-empty", charsmap({"\x01": "", "\u200b": "", "a": "", "e\u0301": "", "bc": "X", "\r\n": "\n", "\u00ad": ""})
    yield "map-grow", charsmap({"\u00bd": "1/2", "\u00e9": "e\u0301", "x": "xyz", "\u0301": "'", "A\u0300": "long text", "\u2026": "..."})
    yield "map-marks", charsmap({"\u0e33": "\u0e4d\u0e32", "\u0300": "", "o\u0308": "\u00f6", "\u1100": "L", "\u1161": "V", "\u0915": "k", "\u094d": "", "\u00a9\u200d": "joined"})


def norm(kind, **fields):
    return {"type": kind, **fields}


def sequence(*members):
    return {"type": "Sequence", "normalizers": list(members)}


def pre_sequence(*members):
    return {"type": "Sequence", "pretokenizers": list(members)}


def metaspace(scheme="always", split=True):
    return {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": split}


def byte_level(prefix=False, regex=True):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def split(pattern, behavior="Isolated", invert=False, kind="Regex"):
    return {"type": "Split", "pattern": {kind: pattern}, "behavior": behavior, "invert": invert}


def normalizers_alone():
    for kind in ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel"]:
        yield kind, norm(kind)
    for left in (False, True):
        for right in (False, True):
            yield f"Strip-{left:d}{right:d}", norm("Strip", strip_left=left, strip_right=right)
    yield "Prepend", norm("Prepend", prepend="\u2581")
    yield "Prepend-long", norm("Prepend", prepend="x\u00e9 ")
    for content in ["", "\u2581", "long"]:
        for pattern in [" ", "a", "ab", "aa", "\u00e9", "``", "\u0301"]:
            yield f"Replace-{pattern!r}-{content!r}", norm("Replace", pattern={"String": pattern}, content=content)
        for pattern in [" {2,}", r"\s+", r"[\u0300-\u036f]+", r"a|b+", r"(?<=a)\p{L}"]:
            yield f"Replace-regex-{pattern!r}-{content!r}", norm("Replace", pattern={"Regex": pattern}, content=content)
    for name, data in charsmaps():
        yield name, norm("Precompiled", precompiled_charsmap=data)
    yield "seq-strip", sequence(norm("Strip", strip_left=True, strip_right=True), norm("NFKC"), norm("Lowercase"))
    yield "seq-nested", sequence(sequence(norm("NFD"), sequence(norm("StripAccents"))), norm("Prepend", prepend="\u2581"), norm("NFC"))
    yield "seq-llama", sequence(norm("Prepend", prepend="\u2581"), norm("Replace", pattern={"String": " "}, content="\u2581"))
    yield "seq-gte", sequence(norm("Nmt"), norm("NFKC"), norm("Replace", pattern={"Regex": " {2,}"}, content=" "))
    yield "seq-albert", sequence(norm("Replace", pattern={"String": "``"}, content='"'), norm("NFKD"), norm("StripAccents"), norm("Lowercase"))
    yield "seq-forms", sequence(norm("NFKD"), norm("NFC"), norm("NFKC"), norm("NFD"))
    yield "seq-bytes", sequence(norm("NFC"), norm("ByteLevel"), norm("Replace", pattern={"String": "\u0120"}, content="_"))


def pre_tokenizers_alone():
    for kind in ["BertPreTokenizer", "Whitespace", "WhitespaceSplit", "UnicodeScripts"]:
        yield kind, {"type": kind}
    for prefix in (False, True):
        for regex in (False, True):
            yield f"ByteLevel-{prefix:d}{regex:d}", byte_level(prefix, regex)
    for scheme in ["always", "first", "never"]:
        for cut in (False, True):
            yield f"Metaspace-{scheme}-{cut:d}", metaspace(scheme, cut)
    yield "Metaspace-old", {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": True}
    yield "Metaspace-old-never", {"type": "Metaspace", "replacement": "\u2581", "add_prefix_space": False, "prepend_scheme": "never"}
    yield "Metaspace-str_rep", {"type": "Metaspace", "replacement": "_", "str_rep": "_", "add_prefix_space": True}
    for behavior in BEHAVIORS:
        yield f"Punctuation-{behavior}", {"type": "Punctuation", "behavior": behavior}
        for invert in (False, True):
            for text in [" ", "a", "ab", "\u00e9", ""]:
                yield f"Split-{text!r}-{behavior}-{invert:d}", split(text, behavior, invert, "String")
            for pattern in [r"\s+", GPT2, r"\p{L}+", r"x*", r"\b", r"$"]:
                yield f"Split-{pattern!r}-{behavior}-{invert:d}", split(pattern, behavior, invert)
    yield "Punctuation-default", {"type": "Punctuation"}
    for individual in (False, True):
        yield f"Digits-{individual:d}", {"type": "Digits", "individual_digits": individual}
    for c in " -\u00e9":
        yield f"Delimiter-{c!r}", {"type": "CharDelimiterSplit", "delimiter": c}
    for n in (1, 2, 5, 64):
        yield f"FixedLength-{n}", {"type": "FixedLength", "length": n}
    yield "FixedLength-default", {"type": "FixedLength"}


def families():
    """(name, normalizer, pre-tokenizer) of real models."""
    small = dict(charsmaps())["map-grow"]
    collapse = norm("Replace", pattern={"Regex": " {2,}"}, content=" ")
    yield "roberta", None, byte_level()
    yield "bart-prefix", None, byte_level(True)
    yield "xlm-r", norm("Precompiled", precompiled_charsmap=small), pre_sequence({"type": "WhitespaceSplit"}, metaspace())
    yield "xlm-r-new", sequence(norm("Precompiled", precompiled_charsmap=small), norm("Strip", strip_left=False, strip_right=True), collapse), metaspace()
    yield "t5", norm("Precompiled", precompiled_charsmap=small), metaspace()
    yield "t5-first", norm("Precompiled", precompiled_charsmap=small), metaspace("first")
    yield "modernbert", norm("NFC"), byte_level()
    yield "qwen3", norm("NFC"), pre_sequence(split(QWEN), byte_level(False, False))
    yield "llama3", None, pre_sequence(split(LLAMA3), byte_level(False, False))
    yield "o200k", None, pre_sequence(split(O200K), byte_level(False, False))
    yield "cl100k", None, pre_sequence(split(CL100K, "Removed", True), byte_level(False, False))
    yield "deepseek", None, pre_sequence(split("\\p{N}{1,3}"), split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"), split(DEEPSEEK), byte_level(False, False))
    yield "gemma", norm("Replace", pattern={"String": " "}, content="\u2581"), split(" ", "MergedWithPrevious", False, "String")
    yield "llama2", sequence(norm("Prepend", prepend="\u2581"), norm("Replace", pattern={"String": " "}, content="\u2581")), None
    yield "mistral", None, metaspace("first", False)
    yield "bloom", None, pre_sequence(split(r" ?[^(\s|[.,!?…。，、।۔،])]+"), byte_level(False, False))
    yield "starcoder", None, pre_sequence({"type": "Digits", "individual_digits": True}, byte_level(False, True))
    yield "falcon", None, pre_sequence({"type": "Punctuation", "behavior": "Contiguous"}, byte_level(False, True), {"type": "Digits", "individual_digits": False}, split("[0-9][0-9][0-9]"))
    yield "electra", norm("BertNormalizer", clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True), {"type": "BertPreTokenizer"}
    yield "albert", sequence(norm("NFKD"), norm("StripAccents"), norm("Lowercase"), norm("Precompiled", precompiled_charsmap=small), collapse), metaspace()
    yield "clip", sequence(norm("NFC"), norm("Replace", pattern={"Regex": r"\s+"}, content=" "), norm("Lowercase")), pre_sequence(split(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+", "Removed", True), byte_level())
    yield "nested", None, pre_sequence(pre_sequence({"type": "Whitespace"}, {"type": "Digits", "individual_digits": True}), {"type": "UnicodeScripts"}, metaspace())
    yield "bert-in-sequence", None, pre_sequence({"type": "BertPreTokenizer"}, metaspace("first"))
    yield "two-metaspaces", None, pre_sequence(metaspace("first"), byte_level(True, False), metaspace("always", False))


def cases():
    """(name, config) of every run."""
    every = {"type": "FixedLength", "length": 1}
    for name, n in normalizers_alone():
        yield name, {"normalizer": n, "pre_tokenizer": every}
    for name, p in pre_tokenizers_alone():
        yield name, {"normalizer": None, "pre_tokenizer": p}
    for number, pattern in enumerate(PATTERNS):
        yield f"regex-{number}-{pattern[:24]!r}", {"normalizer": None, "pre_tokenizer": split(pattern)}
    for name, n, p in families():
        yield name, {"normalizer": n, "pre_tokenizer": p}
    for number, pattern in enumerate(REFUSED_PATTERNS):
        yield f"{REFUSED}{number}-{pattern[:24]!r}", {"normalizer": None, "pre_tokenizer": split(pattern)}
