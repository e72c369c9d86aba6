"""Documents as PDF: what can be read in them, and what the process that makes them does not know."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from infra import child_process
from infra.pdf import i18n, rendering
from infra.pdf.rendering import Unrendered, pdf_of
from infra.pdf.sheet import rendered

LINE = {"line_no": 1, "sku": "TEA-1", "name": "明前龙井 Tea", "quantity": 2, "unit_price_minor": 123_456}
TAX = {"discount_minor": 500, "tax_minor": 321, "total_minor": 246_412}


def sheet(**changed: Any) -> dict[str, Any]:
    """An invoice."""
    return {
        **{"document_no": "INV-2026-000001", "kind": "invoice", "order_no": "0F9C9T-3J0000-00000X"},
        **{"refund_id": None, "return_id": None, "dispute_id": None, "supplement_to": None, "corrections": []},
        **{"currency": "CNY", "issued_on": "2026-11-26"},
        "issued_at": "2026-11-25T17:00:00+00:00",
        "seller": {"name": "示例商店", "address": "上海市世纪大道 100 号", "tax_number": "91310000MA1K35X12A"},
        "billed_to": {
            "title": "欧阳𠮷娜",
            "address": "上海市 浦东新区 博云路 2 号",
            "tax_number": "91310115MA1H7X2K3B",
        },
        "lines": [LINE | TAX],
        **{"items_minor": 246_912, "discount_minor": 500, "shipping_minor": 1_000, "tax_added_minor": 0},
        **{"tax_minor": 321, "total_minor": 247_412},
        **changed,
    }


def pages(pdf: bytes) -> list[str]:
    return [page.get_textpage().get_text_bounded().replace("\r", "") for page in pypdfium2.PdfDocument(pdf)]


@pytest.mark.parametrize(
    ("lang", "expected"),
    [
        ("zh", ("发票", "销售方", "购买方", "税号", "合计", "其中税额")),
        ("en", ("Invoice", "Seller", "Billed to", "Total")),
    ],
)
def test_names_addresses_and_amounts_are_there_in_both_languages(lang: str, expected: tuple[str, ...]) -> None:
    (text,) = pages(rendered(sheet(), lang))
    party = ("欧阳𠮷娜", "博云路 2 号", "91310115MA1H7X2K3B", "示例商店", "世纪大道 100 号", "91310000MA1K35X12A")
    amounts = ("1,234.56", "2,464.12", "2,469.12", "-5.00", "10.00", "¥2,474.12", "3.21")
    for words_there in (*expected, *party, *amounts, "明前龙井 Tea", "TEA-1", "INV-2026-000001", "2026-11-26"):
        assert words_there in text, (words_there, text)


@pytest.mark.parametrize(("currency", "page"), [("JPY", "JP¥247,412"), ("KWD", "247.412 KWD"), ("USD", "$2,474.12")])
def test_amounts_have_the_decimals_of_their_currency(currency: str, page: str) -> None:
    assert page in pages(rendered(sheet(currency=currency), "en"))[0]


def test_added_tax_stands_above_the_total() -> None:
    (text,) = pages(rendered(sheet(tax_added_minor=321, total_minor=247_733), "en"))
    assert "Tax included" not in text and "3.21" in text and "¥2,477.33" in text


def test_many_lines_go_on_as_many_sheets_each_with_headings() -> None:
    texts = pages(rendered(sheet(lines=[LINE | TAX] * 60), "en"))
    assert len(texts) > 2 and all("Unit price" in text and "INV-2026-000001" in text for text in texts)
    assert sum(text.count("TEA-1") for text in texts) == 60


def test_nothing_vanishes_that_the_font_does_not_have() -> None:
    (text,) = pages(rendered(sheet(billed_to={"title": "Ann \U0001f600 𬙂 䶮"}), "en"))
    assert "Ann □ 𬙂 䶮" in text


async def test_equal_documents_are_equal_bytes_also_in_another_process() -> None:
    assert await pdf_of(sheet(), "zh") == await pdf_of(sheet(), "zh") == rendered(sheet(), "zh")


async def test_what_cannot_be_made_is_said_without_a_word_of_it(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Unrendered):
        await pdf_of(sheet(lines="欧阳𠮷娜"), "zh")
    assert "欧阳" not in caplog.text


async def test_what_takes_too_long_is_given_up_and_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as hurried:
        hurried.setattr(rendering, "_TIMEOUT_S", 0.0)
        tried = await asyncio.gather(*(pdf_of(sheet(), "zh") for _ in range(5)), return_exceptions=True)
    assert all(isinstance(one, Unrendered) for one in tried)
    made = await asyncio.gather(*(pdf_of(sheet(), "zh") for _ in range(3)))
    assert [one[:5] for one in made] == [b"%PDF-"] * 3


async def test_a_crowd_waits_and_is_then_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "_ROOM", asyncio.Semaphore(0))
    monkeypatch.setattr(rendering, "_TIMEOUT_S", 0.01)
    with pytest.raises(Unrendered):
        await pdf_of(sheet(), "zh")


def test_the_front_door_carries_neither_font_nor_library_and_hands_on_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    check = "import api.app, sys; sys.exit(bool({'fpdf', 'fontTools', 'noto_cjk_sans_otc', 'PIL'} & set(sys.modules)))"
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", check], cwd=root, check=False).returncode == 0
    monkeypatch.setenv("OMS_MASTER_KEY", "secret")
    assert not [name for name in child_process.environment() if name.startswith("OMS_")]


def test_every_word_is_there_in_both_languages() -> None:
    source = (Path(i18n.__file__).with_name("sheet.py")).read_text(encoding="utf-8")
    known = i18n.catalogue()
    assert all(english.strip() and chinese.strip() for english, chinese in known.values())
    assert set(re.findall(r'\bt\("(\w+)"\)', source)) <= set(known)
