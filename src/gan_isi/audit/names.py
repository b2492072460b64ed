"""Names that mean something to an audit."""

#: The attack that sees no generated image.
BLIND = "blind"

#: The attack that is chosen anew in each fold.
CHOSEN = "chosen"

#: In numbers of permutations, all attacks that are not named.
DEFAULT = "default"

#: The measure of a rule that does not learn, beside what an attack has learned.
CLOSENESS = "AUC of closeness, not learned"
