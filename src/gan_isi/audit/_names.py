"""Names of attacks that mean something to an audit."""

#: The attack that sees no generated image.
BLIND = "blind"

#: The attack that is chosen anew in each fold.
CHOSEN = "chosen"

#: In numbers of permutations, all attacks that are not named.
DEFAULT = "default"
