"""The annotations that the admission policies check, and values for them as people and machines might write them."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import strategies as st

from downscaler.keys import EXCLUDE, KEYS, ORIGINAL, ORIGINAL_FIELDS, RECORD, TARGET
from janitor.annotations import DEFAULT_TTL, EXPIRES, EXTEND_UNTIL, TTL

JANITOR = (TTL, EXPIRES, EXTEND_UNTIL, DEFAULT_TTL)
# Anything else than `false` counts as `true`, and what the controller writes it reads kind by kind.
UNCHECKED = {EXCLUDE, ORIGINAL, ORIGINAL_FIELDS, TARGET, RECORD}
DOWNSCALER = tuple(key.name for key in KEYS if key.name not in UNCHECKED)
SPECS = tuple(key for key in DOWNSCALER if key.endswith(("time", "period")) and key != "downscaler/grace-period")


SPACE = st.text(alphabet=" \t\n\x0b\x0c\r\x1c\x1f\x85\xa0\u1680\u2003\u2028\u202f\u205f\u3000", max_size=2)
GAP = st.text(alphabet=" \t\x0b\xa0\u2003", min_size=1, max_size=2)
WEEKDAY = st.sampled_from(["Mon", "tue", "WED", "Thu", "fri", "Sat", "Sun"])
CLOCK = st.builds("{}:{:02}".format, st.sampled_from(["0", "7", "08", "23", "24", "25"]), st.sampled_from([0, 30, 59, 60]))
ZONE = st.sampled_from(
    ["", "UTC", "europe/berlin", "America/Port-au-Prince", "Etc/GMT - 5", "Etc/GMT+12", "EST5EDT", "Foo", "W-SU", "é"]
)
INSTANT = st.builds(
    "{}-{}-{}{}{}{}{}".format,
    st.sampled_from(["2026", "0001", "9999", "26", "٢٠٢٦"]),
    st.sampled_from(["01", "12", "4", "13"]),
    st.sampled_from(["05", "31", "5", " 5", "3١"]),
    st.sampled_from(["T", "t", " ", ""]),
    st.sampled_from(["", "10:00", "23:59", "7:5", "24:00", "1٣:00"]),
    st.sampled_from(["", ":00", ":59.123456789", ":61", ":5"]),
    st.sampled_from(["", "Z", "z", "+02:00", "-11:30", "+2"]),
)
DASH = st.builds("{}-{}".format, SPACE, SPACE)
DURATION = st.lists(st.builds("{}{}".format, st.integers(0, 10**9), st.sampled_from("smhdwy")), min_size=1, max_size=3).map(
    "".join
)
FIELD = st.sampled_from(["*", "0", "59", "*/5", "1-5", "1,3", "mon-fri", "jan", "l", "?", "7#1", "h", "R", "0/15", "sat#2", "60"])
ITEM = st.one_of(
    st.sampled_from(["always", "Never", "TRUE", "false", "", "yes"]),
    st.builds(
        "{}{}{}{}{}{}".format, WEEKDAY, st.one_of(st.just(""), st.builds("{}{}".format, DASH, WEEKDAY)), GAP, ZONE, SPACE, SPACE
    ),
    st.builds("{}{}{}{}{}{}{}".format, WEEKDAY, GAP, CLOCK, DASH, CLOCK, GAP, ZONE),
    st.builds("{}{}{}{}{}".format, CLOCK, DASH, CLOCK, GAP, ZONE),
    st.builds("{}{}{}".format, INSTANT, DASH, INSTANT),
    st.builds("{}{}{}".format, st.sampled_from(["from", "UNTIL", "since"]), GAP, INSTANT),
    st.builds(
        "cron({}{}{}){}/{}{}{}{}".format,
        SPACE,
        st.lists(FIELD, min_size=4, max_size=6).flatmap(lambda fields: GAP.map(lambda gap: gap.join(fields))),
        SPACE,
        SPACE,
        SPACE,
        DURATION,
        GAP,
        ZONE,
    ),
    st.builds(
        "holidays({}{}{}){}{}".format, SPACE, st.sampled_from(["DE", "de-be", "US-CA", "works.council_2", "ZZ"]), SPACE, GAP, ZONE
    ),
)
# The binding ends a text at a NUL; kubectl refuses one before it is sent.
TEXT = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
REFERENCE = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "shop/", "/"]),
    st.sampled_from(["deploy/", "\u212aafkaconnects/", "x/"]),
    TEXT.map(lambda text: text[:3]),
)
RESOURCE_TTL = st.builds(
    "{}{}={}{}".format, st.sampled_from(["jobs", "*", "", "a b"]), SPACE, SPACE, st.one_of(DURATION, st.just("forEver"))
)
NUMBER = st.one_of(st.integers(-1100, 1100), st.integers(0, 2**32)).map(str)


def _listed(item: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(st.builds("{}{}{}".format, SPACE, item, SPACE), max_size=3).map(",".join)


# What a key is mostly given; the others get a number, a word or a length.
USUAL: Mapping[str, st.SearchStrategy[str]] = {
    **dict.fromkeys(SPECS, _listed(ITEM)),
    **dict.fromkeys(("downscaler/exclude-until", "downscaler/up-until", EXPIRES, EXTEND_UNTIL), INSTANT),
    "downscaler/depends-on": _listed(REFERENCE),
    "downscaler/up-for": DURATION,
    TTL: st.one_of(DURATION, st.just("Forever")),
    DEFAULT_TTL: _listed(RESOURCE_TTL),
}
OTHER = st.one_of(NUMBER, NUMBER.map("{}%".format), DURATION, st.sampled_from(["true", "FALSE", ""]), TEXT)


@st.composite
def annotations(draw: st.DrawFn) -> tuple[str, str]:
    """A key and a value for it; the controllers understand about one in seven."""
    key = draw(st.sampled_from([*DOWNSCALER, *JANITOR]))
    value = draw(st.one_of(USUAL.get(key, OTHER), OTHER) if draw(st.integers(0, 9)) else _listed(st.one_of(*USUAL.values())))
    return key, draw(SPACE) + value + draw(SPACE)
