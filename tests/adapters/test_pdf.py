import json
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pymupdf
import pytest
from pypdf import PdfReader

from executions.adapters.errors import AdapterError
from executions.adapters.pdf.transport import Report, Section, render_report

HOSTILE = Path(__file__).parents[3] / "shared/data/hostile-dev.jsonl"
SCRIPTS = {
    "Hindi": "पानी का रिसाव मुख्य सड़क पर है",
    "Arabic": "تسرب المياه في الشارع الرئيسي",
    "Persian": "نشت آب در خیابان اصلی",
    "Hebrew": "דליפת מים ברחוב הראשי",
    "Simplified Chinese": "主街123号漏水",
    "Japanese": "本町123番地で水漏れがあります",
    "Korean": "중앙로에서 누수가 있습니다",
    "Thai": "น้ำรั่วที่ถนนสายหลัก",
    "Bengali": "পানির পাইপ",
    "Tamil": "நீர் கசிவு",
    "Telugu": "నీటి లీకేజీ",
    "Amharic": "የውሃ ፍሳሽ",
    "Lao": "ນ້ຳຮົ່ວ",
    "Burmese": "ရေယိုစိမ့်မှု",
    "Ukrainian": "Витік води на вулиці Головній",
    "Greek": "Διαρροή νερού",
    "Vietnamese": "Rò rỉ nước ở đường chính",
    "Turkish": "Işıklı caddede su sızıntısı",
}


def report(*bodies, language="en", title="Leak at 123 Main St", **fields):
    sections = [Section(heading=f"Part {at}", body=body) for at, body in enumerate(bodies, 1)]
    moment = datetime(2026, 11, 23, 7, 48, tzinfo=UTC)
    return Report(
        **{
            "title": title,
            "reference": "ISSUE-000123",
            "language": language,
            "generated_at": moment,
            "sections": sections,
        }
        | fields
    )


def text_of(rendered):
    with pymupdf.open(stream=rendered.content) as pdf:
        return unicodedata.normalize("NFC", "".join(page.get_text() for page in pdf))


def in_one_line(text):
    return " ".join(text.split())


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_word_of_every_script_can_be_copied_from_the_page(name):
    text = text_of(render_report(report({"words": SCRIPTS[name]})))
    for word in unicodedata.normalize("NFC", SCRIPTS[name]).split():
        assert word in text


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_heading_in_bold_can_be_copied_just_as_well(name):
    text = text_of(render_report(report("", title=SCRIPTS[name])))
    for word in unicodedata.normalize("NFC", SCRIPTS[name]).split():
        assert word in text


def test_no_glyph_of_any_script_is_an_empty_box():
    with pymupdf.open(stream=render_report(report(SCRIPTS)).content) as pdf:
        drawn = [char for page in pdf for span in page.get_texttrace() for char in span["chars"]]
    assert len(drawn) > 300
    assert all(glyph != 0 for _, glyph, *_ in drawn)


def test_the_same_report_gives_the_same_bytes_and_another_gives_others():
    first, second, other = (
        render_report(report(SCRIPTS)),
        render_report(report(SCRIPTS)),
        render_report(report("x")),
    )
    assert first == second
    assert other.sha256 != first.sha256


def test_the_document_is_tagged_titled_dated_and_says_its_language():
    rendered = render_report(report("पानी", language="hi", title="रिसाव"))
    pdf = PdfReader(stream(rendered))
    root = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "hi"
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert pdf.metadata.title == "रिसाव"
    assert pdf.metadata.creation_date == datetime(2026, 11, 23, 7, 48, tzinfo=UTC)
    metadata = root["/Metadata"].get_object().get_data().decode()
    assert "pdfaid:part" in metadata and "pdfuaid:part" in metadata


def test_each_page_carries_the_city_the_reference_and_its_number(settings):
    settings.CITY_NAME = "Springfield"
    rendered = render_report(report(["A line of a long list."] * 120))
    pages = [page.get_text() for page in pymupdf.open(stream=rendered.content)]
    assert rendered.pages == len(pages) > 2
    for number, page in enumerate(pages, 1):
        assert "Springfield" in page and "ISSUE-000123" in page and f"{number} / {len(pages)}" in page


def test_values_are_written_for_people(settings):
    settings.TIME_ZONE = "Europe/Berlin"
    text = in_one_line(
        text_of(
            render_report(
                report(
                    {
                        "lane_affected": True,
                        "done": False,
                        "notes": None,
                        "crew": 4.0,
                        "flow": 12.5,
                        "accepted_at": "2026-11-23T06:12:00Z",
                        "day": "2026-11-24",
                        "not_a_day": "2026-13-45",
                        "photos": [],
                    }
                )
            )
        )
    )
    for expected in (
        "Lane affected Yes",
        "Done No",
        "Notes —",
        "Crew 4 ",
        "Flow 12.5",
        "Photos —",
        "Accepted at 23 Nov 2026, 07:12 CET",
        "Day 24 Nov 2026",
        "Not a day 2026-13-45",
    ):
        assert expected in text


def test_words_and_dates_follow_the_language_of_the_report():
    text = text_of(render_report(report({"done": True, "day": "2026-11-24"}, language="de")))
    assert "Ja" in text and "24. November 2026" in text


def test_records_of_one_shape_become_a_table_with_a_header():
    crew = [{"name": "A. Ngo", "hours": 3}, {"name": "محمد", "hours": 4.5}]
    rendered = render_report(report(crew))
    assert b"/TH" in b"".join(tags(rendered))
    assert text_of(rendered).count("Name") == 1


def test_a_report_in_arabic_runs_from_right_to_left():
    with pymupdf.open(stream=render_report(report({"k": "v"}, language="ar")).content) as pdf:
        (label,), (value,) = (
            pdf[0].search_for("K", clip=None)[:1],
            [rect for rect in pdf[0].search_for("v") if rect.y0 > 150][:1],
        )
    assert label.x0 > value.x0


@pytest.mark.parametrize(
    "text",
    [
        '#import "/etc/passwd": *',
        "#sys.inputs",
        '#read("/etc/passwd")',
        "$x^2$ *bold* _em_ `raw` <label> @ref",
        "// comment",
        "/* comment */",
        "#[content] #panic()",
        "\\u{41} \\#",
        "= Heading",
        "<script>alert(1)</script>",
        "{{ steps.x }} {% include %}",
    ],
)
def test_markup_in_the_content_is_only_text(text):
    rendered = render_report(report({"value": text}, title=text))
    assert in_one_line(text_of(rendered)).count(text) == 2


def test_what_a_page_would_swallow_is_written_out():
    text = text_of(render_report(report("a\x00b \u202eevil\u202c \ud800 \ue000")))
    assert "a[U+0000]b [U+202E]evil[U+202C] [U+D800] [U+E000]" in in_one_line(text)


def test_an_emoji_is_drawn_or_named_and_never_fatal():
    text = in_one_line(text_of(render_report(report("Leak 😀 👨‍👩‍👧 🇩🇪 ☎ ✔"))))
    assert "[grinning face] [man][woman][girl] [DE] ☎ ✔" in text


def test_a_script_without_a_font_is_refused_by_its_name():
    with pytest.raises(AdapterError) as refused:
        render_report(report("ᐃᓄᒃᑎᑐᑦ and ગુજરાતી"))
    assert refused.value.code == "missing_glyphs"
    assert refused.value.permanent
    assert "Canadian Aboriginal" in str(refused.value) and "Gujarati" in str(refused.value)


def test_a_word_longer_than_the_line_stays_on_the_page():
    with pymupdf.open(stream=render_report(report({"sha256": "a" * 500})).content) as pdf:
        page = pdf[0]
        assert max(word[2] for word in page.get_text("words")) < page.rect.width - 50
        assert page.get_text().count("a" * 20) >= 500 // 60


def test_deep_and_odd_values_are_all_there():
    deep = "bottom"
    for _ in range(30):
        deep = {"k": [deep]}
    text = text_of(render_report(report(deep, {}, [], "", 0, 1e300, -5, [[], {}], {"": "empty key"})))
    assert "bottom" in text and "empty key" in text and "1e+300" in text and "-5" in text


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"language": "../../etc"}, "bad_language"),
        ({"generated_at": datetime(2026, 1, 1)}, "naive_datetime"),
        ({"title": "x" * 1_100_000}, "too_large"),
    ],
)
def test_what_cannot_be_printed_is_refused_for_good(fields, code):
    with pytest.raises(AdapterError) as refused:
        render_report(report("x", **fields))
    assert (refused.value.code, refused.value.permanent) == (code, True)


@pytest.mark.parametrize("language", ["zh", "zh-Hant-TW", "ja", "ko", "pt-BR", "ar", "hi", "xx", "haw"])
def test_any_language_tag_gives_a_report(language):
    assert render_report(report("漢字", language=language)).pages == 1


def test_hostile_strings_are_printed_or_refused_with_a_reason():
    lines = HOSTILE.read_text().strip().split("\n") if HOSTILE.exists() else ['{"text": "Ω≈ç√∫˜µ≤≥÷ ́́́ ‮ test"}']
    for line in lines:
        text = json.loads(line)["text"]
        try:
            assert render_report(report({text: [text]}, title=text)).pages
        except AdapterError as error:
            assert error.code == "missing_glyphs", (text, str(error))


def stream(rendered):
    import io

    return io.BytesIO(rendered.content)


def tags(rendered):
    pdf = PdfReader(stream(rendered))
    todo = [pdf.trailer["/Root"]["/StructTreeRoot"]]
    while todo:
        element = todo.pop()
        element = element.get_object()
        if isinstance(element, list):
            todo += element
        elif isinstance(element, dict):
            yield str(element.get("/S", "")).encode()
            if "/K" in element:
                todo.append(element["/K"])
