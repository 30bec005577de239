"""Copies of the theme's templates are only as good as the originals that they were made of."""

import hashlib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

MADE_OF = {
    "unfold/helpers/add_link.html": "36cc86e42047e012",
    "unfold/helpers/app_list_default.html": "d13476653cb4294a",
    "unfold/helpers/header_title.html": "b126ed2ab9ca1680",
    "unfold/helpers/navigation_header.html": "35139b9d94580be9",
    "unfold/helpers/navigation_user.html": "4c9ba58b3f215326",
    "unfold/helpers/site_icon.html": "e35b87d138cd96c9",
    "unfold/helpers/theme_switch.html": "c8e659df65f5aa78",
    "unfold/helpers/theme_switch_dropdown.html": "90421e9a3524b57f",
    "unfold/helpers/unauthenticated_title.html": "1913ea761a4f7716",
    "unfold/helpers/welcomemsg.html": "e8eab02522ba2319",
    "unfold/layouts/skeleton.html": "66af9f0bb45f98ba",
    "drf_spectacular/swagger_ui.html": "4d1e195317550710",
    "admin/actions.html": "b5332aace8e69192",
    "admin/change_list.html": "5885c39760f6085d",
}
"""Of each copy, the first digits of the original's SHA-256. When a package changes one, bring its copy up to date."""

OF_OUR_OWN = {"admin/index.html"}


def original(name):
    package = name.partition("/")[0].replace("admin", "unfold")
    return Path(find_spec(package).origin).parent / "templates" / name


@pytest.mark.parametrize("name", MADE_OF)
def test_the_original_of_a_copy_has_not_changed(name):
    assert hashlib.sha256(original(name).read_bytes()).hexdigest().startswith(MADE_OF[name])


def test_every_copy_is_listed():
    ours = ROOT / "templates"
    names = {str(file.relative_to(ours)) for file in ours.rglob("*.html")} - OF_OUR_OWN
    names = {name for name in names if name.startswith(("unfold/", "drf_spectacular/", "admin/"))}
    assert {name for name in names if original(name).exists()} == set(MADE_OF)
