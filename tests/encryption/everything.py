"""A workflow that says something in every way that Temporal stores."""

from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

SOON = timedelta(minutes=2)

(
    INPUT, MEMO, LATER_MEMO, STATIC, SUMMARY, TIMER, BEAT, ATTEMPT, DETAIL, RESULT, WHISPER, SIGNAL, UPDATE, ANSWER,
    FAILED, WHY,
) = CANARIES = (
    "canary-input", "canary-memo", "canary-later-memo", "canary-static", "canary-summary", "canary-timer",
    "canary-beat", "canary-attempt", "canary-detail", "canary-result", "canary-whisper", "canary-signal",
    "canary-update", "canary-answer", "canary-failed", "canary-why",
)  # fmt: skip


@workflow.defn(name="Everything")
class Everything:
    def __init__(self) -> None:
        self.heard = ""

    @workflow.signal
    def hear(self, word: str) -> None:
        self.heard = word

    @workflow.update
    async def tell(self, word: str) -> str:
        return ANSWER if word == UPDATE else ""

    @workflow.run
    async def run(self, word: str) -> None:
        said = await workflow.execute_activity(
            "speak",
            word,
            result_type=str,
            start_to_close_timeout=SOON,
            heartbeat_timeout=SOON,
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=100)),
            summary=SUMMARY,
        )
        await workflow.execute_local_activity("whisper", said, result_type=str, start_to_close_timeout=SOON)
        workflow.upsert_memo({"later": LATER_MEMO})
        await workflow.sleep(0.1, summary=TIMER)
        await workflow.wait_condition(lambda: self.heard == SIGNAL)
        raise ApplicationError(FAILED, {"why": WHY}, type="as_planned")
