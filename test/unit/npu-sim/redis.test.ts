import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"

import { answer } from "../../../layers/npu-sim/probes/redis.ts"

const whole = "PING\r\n*1\r\n$4\r\nping\r\n\r\n*2\r\n$4\r\nECHO\r\n$7\r\ngr\u00fc\u00dfe\r\nQUIT\r\n"
const expected = "+PONG\r\n+PONG\r\n$7\r\ngr\u00fc\u00dfe\r\n+OK\r\n"

describe("the Redis that probes see", () => {
  it("answers the same however the bytes are cut", () => {
    const bytes = Buffer.from(whole)
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }), (sizes) => {
      let replies = ""
      let rest: Buffer = Buffer.alloc(0)
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const size = sizes[turn % sizes.length]!
        const answered = answer(Buffer.concat([rest, bytes.subarray(at, at + size)]))!
        replies += answered.replies
        rest = answered.rest
        at += size
      }
      assert.strictEqual(replies, expected)
      assert.strictEqual(rest.length, 0)
    }))
  })

  it("hangs up on what cannot be a command", () => {
    for (const bytes of ["*x\r\n", "*1\r\n:5\r\n", "*1\r\n$-1\r\n", "x".repeat(70_000)]) {
      assert.isUndefined(answer(Buffer.from(bytes)), bytes.slice(0, 20))
    }
  })
})
