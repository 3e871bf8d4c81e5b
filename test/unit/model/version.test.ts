import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as fc from "fast-check"

import { normalise, SonicVersion, tagPattern } from "../../../src/model/version.ts"

const tag = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/)
const spellings = ["", "SONiC.", "SONiC-OS-", "/host/image-"]
const begins = (text: string) => spellings.slice(1).some((prefix) => text.startsWith(prefix))

const reason = (text: string): string =>
  Either.match(normalise(text), {
    onLeft: (error) => {
      assert.strictEqual(error.text, text)
      return error.message
    },
    onRight: (version) => `accepted as ${version}`
  })

describe("a SONiC version", () => {
  it("is the same in every spelling", () => {
    for (
      const version of [
        "20241211.35",
        "master.912962-3e0bdc60b",
        "internal-202511.160570752-5ebd28b407",
        "HEAD.0-dirty-20200130.072127"
      ]
    ) {
      for (const prefix of spellings) {
        assert.strictEqual(Either.getOrThrow(normalise(` ${prefix}${version}\n`)), version)
      }
    }
  })

  it("is the same in every spelling, whatever it is", () => {
    fc.assert(fc.property(tag, fc.constantFrom(...spellings), (version, prefix) => {
      fc.pre(version !== "latest" && !begins(version))
      assert.strictEqual(Either.getOrThrow(normalise(`${prefix}${version}`)), version)
    }))
  })

  it("that is accepted can be a tag, and is itself its normal spelling", () => {
    fc.assert(
      fc.property(
        fc.oneof(tag, fc.string(), fc.fullUnicodeString(), fc.string({ minLength: 120, maxLength: 140 })),
        (text) => {
          const version = normalise(text)
          if (Either.isLeft(version)) assert.isAbove(version.left.reason.length, 0)
          else {
            assert.match(version.right, tagPattern)
            assert.isTrue(Schema.is(SonicVersion)(version.right))
            if (!begins(version.right)) assert.deepStrictEqual(normalise(version.right), version)
          }
        }
      )
    )
  })

  it("that cannot be a tag is refused by what is wrong with it", () => {
    assert.strictEqual(reason(""), "the version is empty")
    assert.strictEqual(reason(" \t"), "the version is empty")
    assert.strictEqual(reason("SONiC-OS-"), "the version is empty")
    assert.strictEqual(reason("SONiC.latest"), "\"latest\" is not a version: it names another image every day")
    assert.strictEqual(reason("x".repeat(129)), "the version is 129 characters long; an image tag holds at most 128")
    assert.strictEqual(reason("x".repeat(128)), `accepted as ${"x".repeat(128)}`)
    assert.strictEqual(
      reason("a+b/c+"),
      "the version \"a+b/c+\" holds \"+\", \"/\"; an image tag holds letters, digits, \"_\", \".\" and \"-\" only"
    )
    assert.strictEqual(
      reason("-1"),
      "the version \"-1\" begins with \"-\"; an image tag begins with a letter, a digit or \"_\""
    )
    assert.match(reason(".1"), /begins with "\."/)
    assert.match(reason("2024 12"), /holds " "/)
  })
})
