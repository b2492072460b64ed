"""Names that have a meaning in an audit."""

#: The attack that sees no generated image.
BLIND = "blind"

#: The attack that is chosen anew in each fold.
CHOSEN = "chosen"

#: Stands for all attacks that are not named, where numbers of permutations are given by name.
DEFAULT = "default"

#: Name of the measure of a rule that does not learn, beside what an attack has learned.
CLOSENESS = "AUC of closeness, not learned"

#: Heading of what is said of controls.
CONTROLS = "controls"
