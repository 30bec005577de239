"""What a draft may rest on, looked up before a planner is asked: policies in force and similar cases."""

from dataclasses import asdict, dataclass, replace

from issues.models import Category, Issue
from workflows.cases import past_cases
from workflows.models import PlannerRun
from workflows.planning.base import DraftRequest, Passage, PastCase, PlannedDraft
from workflows.planning.playbooks import choose
from workflows.policies.search import find_passages


@dataclass(frozen=True)
class Grounds:
    """What is offered to a planner."""

    passages: tuple[Passage, ...] = ()
    cases: tuple[PastCase, ...] = ()

    def offered(self, request: DraftRequest) -> DraftRequest:
        """The request with what it may rest on."""
        return replace(request, passages=self.passages, cases=self.cases)

    def keep(self, run: PlannerRun, planned: PlannedDraft) -> None:
        """Put what was offered into the run; the caller saves it. Of cases only which they were: their words and
        plans stay where they are."""
        cited = {citation.passage for citation in planned.citations}
        run.citations = [
            *(asdict(citation) for citation in planned.citations),
            *(
                {
                    "document": passage.document,
                    "version": passage.version,
                    "heading": passage.heading,
                    "passage": passage.id,
                    "steps": [],
                }
                for passage in self.passages
                if passage.id not in cited
            ),
        ]
        run.cases = [{"issue": case.issue, "category": case.category} for case in self.cases]


def grounds_for(issue: Issue, words: str) -> Grounds:
    """Look up what concerns an issue. Where its department isn't known yet, that of the likeliest kind stands for it:
    policies and cases of other departments are not its reviewers' business."""
    department, categories = _department_of(issue, words)
    cases = past_cases(issue, category=issue.category.code if issue.category else None)
    return Grounds(
        passages=tuple(find_passages(words, department=department)),
        cases=tuple(case for case in cases if case.category in categories),
    )


def _department_of(issue: Issue, words: str) -> tuple[str | None, frozenset[str]]:
    """The department's code and those of its categories."""
    if issue.department is not None:
        code: str | None = issue.department.code
    else:
        likeliest = choose(words)[0].playbook.category
        found = Category.objects.filter(code=likeliest).select_related("department").first()
        code = found.department.code if found else None
    kinds = Category.objects.filter(department__code=code).values_list("code", flat=True)
    return code, frozenset(kinds)
