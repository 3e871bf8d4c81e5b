/** What a group of tests cannot do without. */
import { beforeEach } from "@effect/vitest"

/** Skips each test of the group that it stands in, with the reason why what they need is not here; undefined where it is. */
export const needs = (missing: string | undefined): void => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing)
  })
}
