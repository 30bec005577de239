"""Finding the passages of policies that a citizen's words are about: PostgreSQL's full-text search.

The words are OR-ed: a statement of two sentences never has all the words of a rule. Each passage is ranked by the
sum over the words that it has of ``ts_rank`` (how often; twice in a heading; less in a longer one) times the word's
rarity among the passages searched (as in BM25): plain ``ts_rank`` would let "street" weigh as much as "hydrant". At
most three passages of one document are given, so that one long document doesn't hide the others. The figures were
chosen on the questions of the tests, by `manage.py evaluate_policies`: PostgreSQL's own weights, ten times in a
heading, find less.
"""

from typing import Any

from django.db import connection

from workflows.planning.base import Passage
from workflows.policies.models import PolicyDocument, PolicyQuerySet

LONGEST_QUERY = 10_000
"""Characters that are looked at."""
MOST_LEXEMES = 200
"""Different words, the first ones: a statement's."""
PER_DOCUMENT = 3
MOST_PASSAGES = 50

STATEMENT = r"""
WITH asked AS (
    SELECT language, lexeme,
           ('''' || replace(replace(lexeme, '\', '\\'), '''', '''''') || '''')::tsquery AS query
    FROM (
        SELECT language, lexeme,
               row_number() OVER (PARTITION BY language ORDER BY positions[1], lexeme) AS place
        FROM (
            SELECT DISTINCT language FROM policy_documents WHERE id = ANY(%(documents)s)
        ) AS spoken,
        unnest(to_tsvector(language::regconfig, %(words)s)) AS word(lexeme, positions, weights)
    ) AS found
    WHERE place <= %(lexemes)s
),
searched AS (
    SELECT p.id, p.search, d.id AS document, d.language
    FROM policy_passages p JOIN policy_documents d ON d.current_id = p.version_id
    WHERE d.id = ANY(%(documents)s)
),
hits AS (
    SELECT s.id, s.document, a.language, a.lexeme, ts_rank('{0.5,0.5,0.5,1.0}', s.search, a.query, 1) AS weight
    FROM asked a JOIN searched s ON s.language = a.language AND s.search @@ a.query
),
rare AS (
    SELECT language, lexeme, ln(1 + (SELECT count(*) FROM searched)::float / count(*)) AS rarity
    FROM hits GROUP BY language, lexeme
),
ranked AS (
    SELECT id, document, sum(weight * rarity) AS score
    FROM hits JOIN rare USING (language, lexeme) GROUP BY id, document
),
chosen AS (
    SELECT id, score, row_number() OVER (PARTITION BY document ORDER BY score DESC, id) AS nth FROM ranked
)
SELECT p.id, v.document_id, v.number, p.heading, p.text
FROM chosen c JOIN policy_passages p ON p.id = c.id JOIN policy_versions v ON v.id = p.version_id
WHERE c.nth <= %(each)s
ORDER BY c.score DESC, p.id
LIMIT %(limit)s
"""


def find_passages(words: str, *, department: str | None, limit: int = 8) -> list[Passage]:
    """The passages in force that fit best, best first; none when no word fits. Never an error, whatever the words.

    Args:
        words: a citizen's statement, or any text.
        department: the code of the department whose own policies are searched too, beside the whole city's.
        limit: at most so many, up to 50.
    """
    return search_passages(words, PolicyDocument.objects.all().beside(None).within(department), limit=limit)


def search_passages(words: str, documents: PolicyQuerySet, *, limit: int = 8) -> list[Passage]:
    """The same among the published ones of ``documents``."""
    owners = dict(documents.published().order_by().values_list("pk", "department__code"))
    text = _searchable(words)
    if not owners or not text.strip() or limit < 1:
        return []
    given: dict[str, Any] = {
        "documents": list(owners),
        "words": text,
        "lexemes": MOST_LEXEMES,
        "each": PER_DOCUMENT,
        "limit": min(limit, MOST_PASSAGES),
    }
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, given)
        rows = cursor.fetchall()
    return [
        Passage(id, str(document), number, heading, text, owners[document] or "")
        for id, document, number, heading, text in rows
    ]


def _searchable(words: str) -> str:
    """Text as PostgreSQL can have it: without NUL and halves of surrogate pairs."""
    return words[:LONGEST_QUERY].replace("\x00", " ").encode("utf-8", "replace").decode()
