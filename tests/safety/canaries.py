"""Values that occur nowhere else, one for every field in which somebody's data may stand."""

REPORTER = {"name": "Ottoline Zephyrwick", "email": "ottoline.z77@canary.example", "phone": "+1 646-555-0163"}
STATEMENT = (
    "Water leak at 123 Main St. My name is Peregrine Quokkason, call me at 212-555-0187 or write to "
    "p.quokka@canary.example. A van with the plate ZQK 4471 stands in it. Ottoline saw it too. "
    "Refund to DE89 3704 0044 0532 0130 00."
)
CASE = {
    "statement": "Water leak at 9 Main St over the sidewalk. I am Lysander Umbrawicz, 718-555-0171, "
    "lys@canary.example.",
    "reporter": {"name": "Drusilla Fennimarch", "email": "dru.f@canary.example", "phone": "+1 929-555-0148"},
}
POLICY = (
    "# Water leaks\n\nA crew looks at a water leak on a street within four hours. Contact Bartholomew Quillfeather "
    "at 917-555-0142 or b.quill@canary.example."
)
NOTE = "Call Theodora Yarrowby, 347-555-0129, before the visit."
INSTRUCTION = "Tell Mr Wolfgang Xylander (332-555-0119, w.xyl@canary.example) before the water is off."
KEY = "cass.v@canary.example"
REASON = "Mrs Cassiopeia Vantongeren (929-555-0177) pays for it."

NAMES = (
    "Ottoline", "Zephyrwick", "Peregrine", "Quokkason", "Lysander", "Umbrawicz", "Drusilla", "Fennimarch",
    "Bartholomew", "Quillfeather", "Theodora", "Yarrowby", "Wolfgang", "Xylander",
    "Cassiopeia", "Vantongeren",
)  # fmt: skip
NUMBERS = (
    "646-555-0163", "212-555-0187", "718-555-0171", "929-555-0148", "917-555-0142", "347-555-0129", "332-555-0119",
    "929-555-0177", "ZQK 4471", "3704 0044 0532",
)  # fmt: skip
EMAILS = (
    "ottoline.z77", "p.quokka", "lys@canary", "dru.f@canary", "b.quill", "w.xyl", "cass.v", "canary.example",
)  # fmt: skip
ALL = NAMES + NUMBERS + EMAILS


def seen(text: str) -> set[str]:
    """The canaries in a text, in whatever case and with whatever between the digits of a number."""
    plain = text.casefold()
    digits = "".join(char for char in plain if char.isalnum())
    return {
        canary
        for canary in ALL
        if canary.casefold() in plain
        or (canary in NUMBERS and "".join(c for c in canary.casefold() if c.isalnum()) in digits)
    }
