"""Thirty triples of sentences: of each, the second means what the first does, and the third only shares its words."""

from __future__ import annotations

TRIPLES: tuple[tuple[str, str, str], ...] = (
    (
        "The invoice is due in thirty days",
        "Payment must arrive within a month",
        "The invoice is printed on thick paper",
    ),
    (
        "How do I reset my password?",
        "I forgot my login secret and want a new one",
        "How do I reset the kitchen timer?",
    ),
    (
        "The cat sleeps on the sofa",
        "A kitten is napping on the couch",
        "The cat food is on sale",
    ),
    (
        "He was fired from his job",
        "The company let him go",
        "He fired the gun at the target",
    ),
    (
        "The bank raised interest rates",
        "The lender made loans more expensive",
        "They sat on the bank of the river",
    ),
    (
        "Our flight was delayed by fog",
        "Bad visibility made the plane late",
        "Our flight simulator has fog effects",
    ),
    (
        "She bought a used car",
        "She purchased a second-hand vehicle",
        "She used the car to buy bread",
    ),
    (
        "The doctor prescribed antibiotics",
        "The physician gave medicine against the infection",
        "The doctor painted his house",
    ),
    (
        "Prices fell sharply last quarter",
        "Costs dropped steeply in the past three months",
        "He fell sharply down the stairs last night",
    ),
    (
        "The server does not answer",
        "The host is unreachable",
        "The waiter served the answer sheet",
    ),
    (
        "Delete all files older than a week",
        "Remove everything not touched for seven days",
        "Sort all files by name",
    ),
    (
        "The soup is too salty",
        "There is too much salt in the broth",
        "The soup is served in a blue bowl",
    ),
    (
        "We won the match",
        "Our team was victorious in the game",
        "We lit the match",
    ),
    (
        "The contract ends in December",
        "The agreement expires at the end of the year",
        "The contract has twelve pages",
    ),
    (
        "It is raining heavily",
        "There is a downpour outside",
        "It is a heavy stone",
    ),
    (
        "The train to Berlin is full",
        "All seats on the rail service to the German capital are taken",
        "The train set is a toy from Berlin",
    ),
    (
        "He speaks three languages",
        "He is trilingual",
        "He speaks very loudly",
    ),
    (
        "The museum is closed on Mondays",
        "You cannot visit the gallery on the first day of the week",
        "The museum shows paintings of Mondays",
    ),
    (
        "The baby is crying",
        "The infant is in tears",
        "The baby carriage is blue",
    ),
    (
        "Water boils at 100 degrees",
        "The boiling point of H2O is one hundred Celsius",
        "It was 100 degrees in the desert and we had no water",
    ),
    (
        "My phone battery dies quickly",
        "My mobile runs out of power too fast",
        "My phone number changed quickly",
    ),
    (
        "The judge found him guilty",
        "He was convicted by the court",
        "The judge found his keys",
    ),
    (
        "They plan to build a new bridge",
        "Construction of another crossing is intended",
        "They play bridge every new year",
    ),
    (
        "The student passed the exam",
        "The pupil succeeded in the test",
        "The student walked past the school",
    ),
    (
        "I am allergic to peanuts",
        "Nuts make me ill",
        "I am selling peanuts at the fair",
    ),
    (
        "The printer is out of paper",
        "There are no sheets left to print on",
        "The newspaper printer is out of town",
    ),
    (
        "Sales in Europe doubled",
        "European revenue grew twofold",
        "Sales staff in Europe wear suits",
    ),
    (
        "The lights went out during the storm",
        "The bad weather caused a power cut",
        "The light rain turned into sunshine",
    ),
    (
        "Please send me the report by Friday",
        "I need the document before the weekend",
        "Please report the loss of the card",
    ),
    (
        "The recipe needs two eggs",
        "You have to use a pair of eggs for this dish",
        "The nest holds two birds",
    ),
)
