"""Signing in as people do: the page, its token, the form."""

import httpx
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

PASSWORD = "correct horse battery staple"
ADDRESS = "198.51.100.7"


def make_person(user_name, **fields):
    return User.objects.create_user(user_name, password=PASSWORD, **{"is_staff": True, **fields})


def sign_in(user_name, password, *, address=ADDRESS):
    """The answer to the form, sent by a browser that nobody has used before."""
    given = {"username": user_name, "password": password}
    return Client(REMOTE_ADDR=address).post(reverse("admin:login"), given)


def sign_in_at(url, user_name, password):
    """The same at a server."""
    with httpx.Client(base_url=url, trust_env=False, timeout=120) as browser:
        browser.get("/admin/login/")
        given = {
            "username": user_name,
            "password": password,
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        }
        return browser.post("/admin/login/", data=given)
