"""From a document to a draft of its claims: numbers with their lines, for a person to judge.

`reading` cuts the document into parts and says of which network each part speaks, `proposing` makes
claims of a part's numbers, `heading` says what the document is and sets out to reach, and `writing`
puts all of it into a file. A draft proposes; nothing is measured and nothing is judged here.
"""
