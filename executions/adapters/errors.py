"""The one error that adapters raise, here and in a city's own apps. Files, which the ground keeps, raise it too."""

from mudda.errors import AdapterError as AdapterError
