"""A text's words: what separates two texts stays in them, whatever the script.

Letters with their combining marks are words. Scripts that are written without spaces give a word a
character (a grapheme cluster: marks stay with their base), and so do symbols: emoji with their skin
tones and joined ones (UAX #29), flags, and signs such as € and →. Punctuation goes, and with it the
symbols of ASCII.
"""

from __future__ import annotations

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterable, Mapping

# Blocks of scripts that have no spaces between words.
_SPACELESS = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"  # Myanmar
    "\u1780-\u17ff"  # Khmer
    "\u1950-\u19df\u1a20-\u1aaf\uaa80-\uaadf"  # Tai Le, New Tai Lue, Tai Tham, Tai Viet
    "\u1b00-\u1b7f\ua980-\ua9df"  # Balinese, Javanese
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u303c"  # Han: 々, 〇 and others
    "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f\U0001aff0-\U0001b16f"  # Hiragana, Katakana
    "\u3100-\u312f\u31a0-\u31bf"  # Bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\ua000-\ua48f\U00017000-\U00018d8f\U0001b170-\U0001b2ff"  # Yi, Tangut, Khitan, Nushu
)
# Letters and symbols that extend the character before them, as combining marks do (UAX #29):
# Thai and Lao AM, half-width voicing, skin tones, tags of flags.
_SKIN = "\U0001f3fb-\U0001f3ff"
_EXTENDING = f"\u0e33\u0eb3\uff9e\uff9f{_SKIN}\U000e0020-\U000e007f"
_EMOJI_PUNCTUATION = "‼⁉〰〽"
_FLAG = "\U0001f1e6-\U0001f1ff"
_JOINERS = "\u200c\u200d"
# What changes how a character looks, or where a line may break, but not which word it is.
_INVISIBLE = re.compile("[\xad\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_SCANNED = (range(0x20000), range(0xE0000, 0xE1000))  # planes 2 and 3 are Han, 15 and 16 private


def words(text: str) -> list[str]:
    """The words of a text in small letters, in the composed form (NFC), without punctuation."""
    composed = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return _pattern().findall(unicodedata.normalize("NFC", composed.lower()))


@functools.cache
def _pattern() -> re.Pattern[str]:
    codes: dict[str, list[int]] = {}
    for code in itertools.chain(*_SCANNED):
        codes.setdefault(unicodedata.category(chr(code)), []).append(code)
    marks = _ranges(codes, "Mn", "Mc", "Me") + _EXTENDING
    silent = _ranges(codes, "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Cc", "Cf") + r"\x00-\x7f"
    mark = f"[{marks}]"
    # A code point that this Python does not know yet is a symbol too: new emoji are.
    joined = f"(?:[{_EMOJI_PUNCTUATION}]|(?![{silent}{marks}])[^\\w\\s])"
    symbol = f"(?:[{_SKIN}]|{joined})"
    letter = f"(?:\\d|(?![{_SPACELESS}{marks}])\\w)"
    letters = f"{letter}(?:{letter}|{mark}|[{_JOINERS}](?={letter}|{mark}))*"
    return re.compile(
        f"[{_FLAG}]{{2}}"
        f"|{symbol}{mark}*(?:\u200d{joined}{mark}*)*"
        f"|(?![{marks}])(?=[{_SPACELESS}])[^\\W\\d](?:[{_JOINERS}]?{mark})*"
        f"|{letters}(?:['’]{letters})*"
        f"|[^\\s]?{mark}+"  # a mark alone, or on what is otherwise punctuation: #⃣
    )


def _ranges(codes: Mapping[str, Iterable[int]], *categories: str) -> str:
    """Code points of these categories as the inside of a character class."""
    parts: list[list[int]] = []
    for code in sorted(itertools.chain(*(codes[category] for category in categories))):
        if parts and code == parts[-1][1] + 1:
            parts[-1][1] = code
        else:
            parts.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in parts)
