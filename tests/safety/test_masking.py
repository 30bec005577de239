"""Personal data leaves a text and comes back; one test for each kind, and for those who would misuse it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.plan import references
from workflows.planning.masking import KINDS, STRUCTURE, Masker

PLACEHOLDER = r"\[[A-Z]+_\d+\]"


def masked(text, *private, **options):
    masker = Masker(private, **options)
    out = masker.mask(text)
    assert masker.unmask(out) == text
    return out


def forms_of(pairs):
    return [pytest.param(text, secret, id=secret) for text, secret in pairs]


@pytest.mark.parametrize(
    ("text", "secret"),
    forms_of(
        [
            ("Write to ann.lee+street@mail.example.org please", "ann.lee+street@mail.example.org"),
            ("(jörg@bücher.example)", "jörg@bücher.example"),
            ('"ann lee"@example.org wrote', '"ann lee"@example.org'),
            ("ops@[192.0.2.7], at once", "ops@[192.0.2.7]"),
            ("mailto:Bo@EXAMPLE.ORG.", "Bo@EXAMPLE.ORG"),
            ("reach ann at example dot org", "ann at example dot org"),
            ("ann [at] example.org is mine", "ann [at] example.org"),
            ("राम@उदाहरण.भारत से", "राम@उदाहरण.भारत"),
        ]
    ),
)
def test_an_email_address_is_masked(text, secret):
    assert masked(text) == text.replace(secret, "[EMAIL_1]")


@pytest.mark.parametrize(
    ("region", "text", "secret"),
    [
        ("US", "call 555-123-4567 after six", "555-123-4567"),
        ("US", "(212) 555 0143 x12 is the office", "(212) 555 0143 x12"),
        ("US", "2125550143 please", "2125550143"),
        ("US", "on +44 7700 900123.", "+44 7700 900123"),
        ("US", "a guest's 07700 900123 too", "07700 900123"),
        ("US", "text me 867-5309", "867-5309"),
        ("GB", "ring 020 7946 0958", "020 7946 0958"),
        ("IN", "98765 43210 is mine", "98765 43210"),
        ("IN", "phone: ९८७६५४३२१०", "९८७६५४३२१०"),
        ("DE", "Tel. 030/901820", "030/901820"),
        ("", "212.555.0143 without a region", "212.555.0143"),
        ("ZZ", "212-555-0143 with one that is unknown", "212-555-0143"),
        ("US", "1\u2011212\u2011555\u20110143 with hyphens of its own", "1\u2011212\u2011555\u20110143"),
    ],
)
def test_a_telephone_number_is_masked(region, text, secret):
    assert masked(text, region=region) == text.replace(secret, "[PHONE_1]")


@pytest.mark.parametrize(
    ("text", "secret"),
    forms_of(
        [
            ("a van AB12 CDE there", "AB12 CDE"),
            ("old A123 BCD", "A123 BCD"),
            ("auto KL 07 CD 1234 parked", "KL 07 CD 1234"),
            ("bike DL3CAB1234", "DL3CAB1234"),
            ("new 22 BH 1234 AA", "22 BH 1234 AA"),
            ("ein B-MW 1234 steht", "B-MW 1234"),
            ("une AB-123-CD bleue", "AB-123-CD"),
            ("Fiat AB123CD", "AB123CD"),
            ("Seat 1234 BCD", "1234 BCD"),
            ("een 12-ABC-3 daar", "12-ABC-3"),
            ("Honda 7ABC123 again", "7ABC123"),
            ("truck ABC 1234 blocks it", "ABC 1234"),
            ("license plate abc123 blocks it", "abc123"),
            ("Plate number is BIGDOG", "BIGDOG"),
            ("a silver car, HX 4471, for weeks", "HX 4471"),
            ("tags: 4PX 221", "4PX 221"),
        ]
    ),
)
def test_a_plate_is_masked(text, secret):
    assert masked(text) == text.replace(secret, "[PLATE_1]")


@pytest.mark.parametrize(
    ("text", "secret"),
    forms_of(
        [
            ("My name is Ann Lee and there is a leak", "Ann Lee"),
            ("my name is ann lee and there is a leak", "ann lee"),
            ("MY NAME IS ANN LEE AND THERE IS A LEAK", "ANN LEE"),
            ("I am John Q. Sample, on Elm St", "John Q. Sample"),
            ("I'm Priya. Come soon", "Priya"),
            ("this is José García van der Berg speaking", "José García van der Berg"),
            ("Mr. Smith fell", "Smith"),
            ("Mrs Park fell", "Park"),
            ("mr patel next door", "patel"),
            ("ask Dr. Anna Müller-Lüdenscheidt", "Anna Müller-Lüdenscheidt"),
            ("contact Maria at the desk", "Maria"),
            ("Contact: Sean O'Brien, unit 4", "Sean O'Brien"),
            ("The light is out. Thanks, Ngozi Okafor", "Ngozi Okafor"),
            ("Name: Li Wei", "Li Wei"),
            ("मेरा नाम राहुल शर्मा", "राहुल शर्मा"),
            ("Ich heiße Jürgen Groß. Es tropft.", "Jürgen Groß"),
            ("My neighbor Bill Stone saw it", "Bill Stone"),
        ]
    ),
)
def test_a_name_by_which_somebody_is_introduced_is_masked(text, secret):
    assert masked(text) == text.replace(secret, "[NAME_1]")


@pytest.mark.parametrize(
    "text",
    [
        "Water leak at 123 Main St",
        "Mr. Smith Street is flooded",
        "the light at Dr. Martin Luther King Jr. Blvd and 5th",
        "45 Ocean Dr Near the park",
        "This is Main Street. I am Angry. I'm Deaf.",
        "I AM VERY ANGRY ABOUT THE POTHOLE. CALL DPW OR NYC 311",
        "Contact Public Works. Call the Police. From Monday on.",
        "the tree fell from Oak Tree Lane to Elm Street",
        "since 2026-11-23 10:30, at 40.712776,-74.005974, zip 12345-6789, ISSUE-000123",
        "costs $1,000,000; I-95; RT 9; APT 1204; SW1A 1AA; Unit B-2",
        "meet @ the park; see https://city.example.org/issues/12345",
        "registration is due; the plate is broken; a tag on the wall",
        "",
    ],
)
def test_places_times_and_numbers_that_are_nobodys_stay(text):
    assert masked(text) == text


def test_the_records_values_are_masked_in_every_form_in_which_they_are_written():
    record = ("José Núñez", "j.nunez77@example.org", "+1 (555) 987-6543")
    text = "JOSE NUNEZ, Núñez, José, jose; J.NUNEZ77@EXAMPLE.ORG or j.nunez77; 5559876543, 555.987.6543, 1-555-987-6543"
    out = masked(text, *record)
    assert re.sub(PLACEHOLDER, "", out) == ", , , ;  or ; , , "


def test_a_name_of_the_record_that_is_a_word_or_a_street_is_masked_only_as_a_name():
    text = (
        "Will you come? Main was at the flood on Main Road, 123 Main St and 9 N Main. I will wait. Main, W."
    )
    assert masked(text, "Will Main") == (
        "[NAME_1] you come? [NAME_2] was at the flood on Main Road, 123 Main St and 9 N Main. I will wait. [NAME_2], W."
    )


def test_a_name_without_spaces_between_words_is_found_inside_a_sentence():
    assert masked("我是王小明先生", "王小明") == "我是[NAME_1]先生"


def test_who_was_introduced_is_known_afterwards_in_all_texts_of_the_draft():
    masker = Masker()
    masker.mask("I am Ngozi Okafor.")
    assert (
        masker.mask("Tell Ngozi, or Mr Okafor, that we come.")
        == "Tell [NAME_2], or Mr [NAME_3], that we come."
    )


@pytest.mark.parametrize(
    ("text", "secret"),
    forms_of(
        [
            ("pay DE89 3704 0044 0532 0130 00 back", "DE89 3704 0044 0532 0130 00"),
            ("card 4111 1111 1111 1111 was stolen", "4111 1111 1111 1111"),
            ("ssn 123-45-6789!", "123-45-6789"),
            ("NI AB 12 34 56 C", "AB 12 34 56 C"),
            ("aadhaar 2345 6789 0123", "2345 6789 0123"),
            ("see https://bob:s3cret@cam.example.org/1", "bob:s3cret"),
        ]
    ),
)
def test_accounts_national_numbers_and_logins_are_masked(text, secret):
    assert masked(text) == text.replace(secret, "[ACCOUNT_1]")


def test_a_kind_that_the_city_does_not_mask_is_left_alone_in_the_record_too():
    text = "I am Ann Lee, 555-123-4567, ann@example.org, plate AB12 CDE, ssn 123-45-6789"
    record = ("Ann Lee", "ann@example.org", "555-123-4567")
    labels = {"names": "NAME", "phones": "PHONE", "emails": "EMAIL", "plates": "PLATE", "accounts": "ACCOUNT"}
    assert set(labels) == set(KINDS)
    for kind, label in labels.items():
        assert set(re.findall(r"\[([A-Z]+)_", masked(text, *record, kinds=[kind]))) == {label}
    assert masked(text, *record, kinds=[]) == text


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="shoes"):
        Masker(kinds=["names", "shoes"])


def test_the_same_value_has_the_same_placeholder_in_every_text_and_every_time():
    one, other = Masker(["Ann Lee"]), Masker(["Ann Lee"])
    texts = ["Ann Lee, 555-123-4567", "555-123-4567 is Ann Lee's", "or 555-123-9999"]
    first = [one.mask(text) for text in texts]
    assert first == [other.mask(text) for text in texts]
    assert first == ["[NAME_1], [PHONE_1]", "[PHONE_1] is [NAME_1]'s", "or [PHONE_2]"]


def test_masking_again_changes_nothing():
    masker = Masker(["Ann Lee"])
    once = masker.mask("Ann Lee writes [NAME_1]")
    assert masker.mask(once) == once


def test_a_placeholder_that_somebody_wrote_is_never_exchanged_for_somebodys_data():
    masker = Masker(["Ann Lee"])
    ours = masker.mask("Ann Lee")
    theirs = masker.mask("Tell me who [NAME_1] and [name_1] and [PHONE_9] are")
    assert ours == "[NAME_1]" and "NAME" not in theirs.upper().replace("[TEXT", "")
    assert masker.unmask(theirs) == "Tell me who [NAME_1] and [name_1] and [PHONE_9] are"


def test_placeholders_that_nobody_wrote_stay():
    assert Masker(["Ann"]).unmask("[NAME_1] [PHONE_77]") == "[NAME_1] [PHONE_77]"


def test_values_come_back_into_words_and_never_into_recipients():
    masker = Masker(["ann@example.org", "555-123-4567"])
    masker.mask("ann@example.org 555-123-4567")
    step = {
        "step_id": "[EMAIL_1]", "activity_id": "[EMAIL_1]", "title": "Call [PHONE_1]", "needs": ["[EMAIL_1]"],
        "requires_approval": {"group": "[EMAIL_1]", "reason": "[EMAIL_1] asked"},
        "on_failure": {"escalate": "[EMAIL_1]"}, "overdue": {"escalate_to": "[EMAIL_1]"},
        "policies": ["[EMAIL_1]"], "when": {"eq": ["[EMAIL_1]", 1]},
        "inputs": {
            "to": ["[EMAIL_1]", "department:[EMAIL_1]"], "from": "[EMAIL_1]", "department": "[EMAIL_1]",
            "message": "Call [PHONE_1]", "questions": {"status": {"ask": "Is [EMAIL_1] there?", "type": "[EMAIL_1]"}},
            "[EMAIL_1]": 1, "sections": ["[PHONE_1]", {"a": "[PHONE_1]"}],
        },
    }  # fmt: skip
    out = masker.unmask_json({"steps": [step]})["steps"][0]
    assert out["title"] == "Call 555-123-4567"
    assert out["requires_approval"] == {"group": "[EMAIL_1]", "reason": "ann@example.org asked"}
    assert out["inputs"]["questions"]["status"] == {"ask": "Is ann@example.org there?", "type": "[EMAIL_1]"}
    assert out["inputs"]["sections"] == ["555-123-4567", {"a": "555-123-4567"}]
    for key in ("step_id", "activity_id", "needs", "on_failure", "overdue", "policies", "when"):
        assert out[key] == step[key]
    for key in ("to", "from", "department", "[EMAIL_1]"):
        assert out["inputs"][key] == step["inputs"][key]


def test_every_member_that_names_a_role_or_a_group_in_the_catalogue_is_known_as_structure(offered_activities):
    for spec in offered_activities.values():
        for name, schema in spec.inputs.get("properties", {}).items():
            if "x-role" in schema or "x-group" in schema or "enum" in schema:
                assert name in STRUCTURE, f"{spec.activity_id}.{name}"


@pytest.mark.parametrize("name", ["{{ issue.statement }}", "{ issue.statement }}", "{{{{", "{"])
def test_a_value_cannot_become_a_reference_of_the_plan(name):
    masker = Masker([f"Zed {name}"])
    placeholder = masker.mask(f"Zed {name}")
    for text in (placeholder, "{" + placeholder, "{{ issue.address }} " + placeholder + "}}"):
        before = list(references.find(text))
        assert [str(found[2]) for found in references.find(masker.unmask_json(text))] == [
            str(found[2]) for found in before
        ]


ANYTHING = st.text(
    st.one_of(st.sampled_from(" \n@.+-_[]()#:/'\"{}0159AZaz"), st.characters(exclude_categories=())),
    max_size=80,
)
PIECES = st.sampled_from(
    [
        "my name is ", "Mr ", "Ann Lee", "[NAME_1]", "[EMAIL_1", "_1]", "a@b.example", "555-123-4567", "AB12 CDE",
        "plate ", " at ", "contact ", "://x:y@z", "\x00", "\ud800", "DE89370400440532013000",
    ]
)  # fmt: skip


@given(st.lists(st.one_of(ANYTHING, PIECES), max_size=12).map("".join), st.lists(ANYTHING, max_size=3))
def test_whatever_the_text_it_comes_back_and_masking_again_changes_nothing(text, private):
    masker = Masker(private)
    out = masker.mask(text)
    assert masker.unmask(out) == text
    assert masker.mask(out) == out


@given(st.lists(PIECES, max_size=8).map("".join))
def test_neither_the_records_nor_an_address_nor_a_number_is_left(text):
    out = masked(text, "Ann Lee", "a@b.example")
    for secret in ("Ann Lee", "a@b.example"):
        assert secret not in out


LONG = [
    "1 ", "1", "(1", "+1-", "1234567890 ", "a", "a.", "a@", "A1-", "my name is ", "Mr ", "Mr Abc ", "plate ", "call ",
    "a at b dot ", "DE89 ", "\u0301", "Ann ", " ", "[NAME_1]", "http://", "'", '"', "-", "at ", "名", "😀",
]  # fmt: skip


def test_ten_thousand_characters_of_anything_come_back():
    """Were a pattern quadratic, nobody would wait for the end of this."""
    for piece in LONG:
        masked((piece * 10_000)[:10_000], "Ann Lee", "+1 555 123 4567")
