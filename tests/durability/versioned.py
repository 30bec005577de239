"""A workflow before and after a change that would break the replay of what is under way, were it not patched."""

from datetime import timedelta

from temporalio import activity, workflow

SOON = {"start_to_close_timeout": timedelta(seconds=10)}


@activity.defn(name="greet")
async def greet(word: str) -> str:
    return word


class Waiting:
    def __init__(self) -> None:
        self.told = False
        self.said: list[str] = []

    @workflow.signal
    def go_on(self) -> None:
        self.told = True

    async def greet(self, word: str) -> None:
        self.said.append(await workflow.execute_activity(greet, word, **SOON))

    async def wait(self) -> None:
        await workflow.wait_condition(lambda: self.told)


@workflow.defn(name="Versioned")
class Before(Waiting):
    @workflow.run
    async def run(self) -> list[str]:
        await self.greet("hello")
        await self.wait()
        await self.greet("old")
        return self.said


@workflow.defn(name="Versioned")
class After(Waiting):
    """Says one thing more before it waits, but not in runs that are past it."""

    @workflow.run
    async def run(self) -> list[str]:
        await self.greet("hello")
        if workflow.patched("say more"):
            await self.greet("more")
        await self.wait()
        await self.greet("new")
        return self.said


@workflow.defn(name="Versioned")
class Careless(Waiting):
    """The same change without ``patched``."""

    @workflow.run
    async def run(self) -> list[str]:
        await self.greet("hello")
        await self.greet("more")
        await self.wait()
        await self.greet("new")
        return self.said
