"""Eight passages of a shop's pages, and twelve queries, each of which one of them answers with other words: an easy set."""

from __future__ import annotations

PASSAGES: tuple[str, ...] = (
    "Refunds are paid to the original card within five working days after the parcel came back.",
    "Our shop in Lyon is open from nine to seven, on Saturdays until noon, and closed on Sundays.",
    "The warranty covers faults in material for two years but not damage by water or a fall.",
    "Parcels to Switzerland need a customs form; duties are borne by the receiver.",
    "To change the battery, undo the four screws, lift the back and pull the white tab.",
    "Students get ten percent off with a valid card; this cannot be joined with other offers.",
    "The device measures 12 by 7 centimetres and weighs 180 grams with its battery.",
    "Our data centre runs on hydro power and keeps personal data for at most ninety days.",
)

QUERIES: tuple[tuple[str, int], ...] = (
    ("when do I get my money back?", 0),
    ("is the store open on the weekend?", 1),
    ("I dropped it in the bath, is that covered?", 2),
    ("who pays import tax?", 3),
    ("how to replace the accumulator", 4),
    ("discount for university", 5),
    ("how heavy is it?", 6),
    ("how long is my information stored?", 7),
    ("size of the product", 6),
    ("opening hours", 1),
    ("guarantee period", 2),
    ("is it green energy?", 7),
)
"""A query, and the place of the passage that answers it."""
