"""``manage.py doctor``: what a site stands on, looked at from where it runs; what is wrong, and what to do then.

The ground registers the checks of what it stands on itself, and each room those of its own (``registry``). They run
side by side (``running``) and are told to people and to machines (``telling``). Nothing here changes anything, sends a
letter or costs money.
"""
