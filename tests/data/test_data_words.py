"""Words of any script: two spellings are one, and nothing that tells texts apart is lost."""

import re
import string
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wszoo.data.words import words

# Characters of many scripts, marks, joiners, emoji and signs, close together.
LETTERS = "aé\u0301ñİßΣσаб한ᄒ하हि्दतमிבָّعَผีดำກខကြមុ中文々〇かがｶﾞーア١๑½_"
SIGNS = "😀😡👍🏽👩❤🇫🇷🇩⃣€→°☆★\ufe0f\u200d\u200c\U0001fae8\ue000"
texts = st.text(st.sampled_from(LETTERS + SIGNS + " .,!'’\"-#1aZ\n"), max_size=30) | st.text(
    max_size=30
)
quick = settings(max_examples=150, deadline=None)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("தமிழ்", ["தமிழ்"]),
        ("העִבְרִית", ["העִבְרִית"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        ("한국어를", ["한국어를"]),
        ("这部电影好看。", list("这部电影好看")),
        ("がｶﾞー々", ["が", "ｶﾞ", "ー", "々"]),
        ("น้ำดี ๑๒", ["น้ำ", "ดี", "๑๒"]),
        ("ກ່ອນ", ["ກ່", "ອ", "ນ"]),
        ("មុំ", ["មុំ"]),
        ("မြန်မာ", ["မြ", "န်", "မာ"]),
        ("我有3只iPhone", ["我", "有", "3", "只", "iphone"]),
        ("😀😡", ["😀", "😡"]),
        ("👩\u200d⚕\ufe0f👍🏽 👍", ["👩\u200d⚕", "👍🏽", "👍"]),
        ("🇫🇷🇩🇪1\ufe0f⃣", ["🇫🇷", "🇩🇪", "1⃣"]),
        ("❤\ufe0f ❤", ["❤", "❤"]),
        ("5€ → 25°C", ["5", "€", "→", "25", "°", "c"]),
        ("Schiff\xadfahrt", ["schifffahrt"]),
        ("$5 + a_b ½ don't don’t", ["5", "a_b", "½", "don't", "don’t"]),
    ],
)
def test_words_of_many_scripts(text, wanted):
    assert words(text) == wanted


@quick
@given(texts)
def test_composed_and_decomposed_spellings_have_the_same_words(text):
    composed = words(unicodedata.normalize("NFC", text))
    assert words(unicodedata.normalize("NFD", text)) == composed == words(text)


@quick
@given(texts, texts)
def test_a_space_joins_two_texts(one, other):
    assert words(f"{one} {other}") == words(one) + words(other)
    assert words(" ".join(words(one))) == words(one)


@quick
@given(texts)
def test_no_letter_mark_number_or_symbol_is_lost(text):
    said = "".join(words(text))
    small = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    for character in small:
        kept = unicodedata.category(character)[0] in "LMNS" and character not in string.punctuation
        if kept and not 0xFE00 <= ord(character) <= 0xFE0F and character not in said:
            raise AssertionError(f"{character!r} of {text!r} is not in {said!r}")


@quick
@given(st.text(st.characters(categories=["Lo", "Mn", "Mc", "So"]), min_size=1, max_size=20))
def test_a_mark_stays_with_its_base(text):
    for word in words(text)[1:]:
        assert word.strip() and not unicodedata.category(word[0]).startswith("M"), words(text)


@quick
@given(st.text(st.characters(max_codepoint=127), max_size=60))
def test_words_of_plain_english_are_those_of_shipped_vocabularies(text):
    assert words(text) == re.findall(r"\w+(?:'\w+)*", text.lower())
