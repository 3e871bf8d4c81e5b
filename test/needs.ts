/** Tests that need what not every machine has say so where it is not there. */
import { beforeEach, type TestContext } from "@effect/vitest"

/** Skips the test. Within an Effect the reason that Vitest is given is lost: the reporter finds it here. */
export const skip = (context: TestContext, reason: string): never => {
  Object.assign(context.task.meta, { skipReason: reason })
  return context.skip(reason)
}

/** Skips each test of the group that this stands in; `missing` is undefined where what they need is there. */
export const needs = (missing: string | undefined): void => {
  beforeEach((context) => {
    if (missing !== undefined) skip(context, missing)
  })
}
