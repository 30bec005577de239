"""Runs are carried out while the parts of the site are killed, stopped, frozen and started again at random."""
