import { chmodSync, renameSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

import { fromFile } from "../../../layers/gnoi/account.ts"
import type { Security } from "../../../layers/gnoi/credentials.ts"
import type { WireService } from "../../../src/npu/wire.ts"
import { authority, made, temporaryFolder } from "../certificates/support.ts"
import { world } from "../npu-sim/world.ts"
import { wireTo } from "./support.ts"

const ca = authority()
const tls = { material: made({ name: "npu", hosts: ["127.0.0.1"], issuer: ca }), clientAuth: false }
const security: Security = { _tag: "Tls", material: () => ({ ca: ca.certificate }), verify: true }

const file = Effect.map(temporaryFolder, (folder) => {
  const path = join(folder, "credentials")
  return {
    path,
    write: (text: string): void => {
      writeFileSync(`${path}.new`, text, { mode: 0o600 })
      renameSync(`${path}.new`, path)
    }
  }
})

const outcome = (wire: WireService) =>
  Effect.match(wire.collect("ListContainer", { all: true }, Duration.seconds(10)), {
    onFailure: ({ code, origin }) => `${code} ${origin}`,
    onSuccess: () => "OK"
  })

describe("user name and password, or a token", () => {
  it.scopedLive("go with every call over TLS, and are read again when their file changes", () =>
    Effect.gen(function*() {
      const { path, write } = yield* file
      write("# ours\n\nusername: offloader\npassword: pass word: #1\n")
      const changes: Array<{ readonly taken: boolean; readonly message: string }> = []
      const { exposed, metadata } = Either.getOrThrow(fromFile(path, (change) => void changes.push(change)))
      assert.isUndefined(exposed)
      let demanded: Record<string, string> = { username: "offloader", password: "pass word: #1" }
      const { server } = yield* world({ server: { tls, credentials: () => demanded } })
      const { port } = server.listener
      const wire = yield* wireTo(port, { security, metadata })
      assert.strictEqual(yield* outcome(wire), "OK")

      demanded = { access_token: "eyJ0.1.2" }
      assert.strictEqual(yield* outcome(wire), "UNAUTHENTICATED peer")
      write("access_token: eyJ0.1.2\n")
      assert.strictEqual(yield* outcome(wire), "OK")

      write("access_token:\nsecret-that-nobody-may-see\n")
      assert.strictEqual(yield* outcome(wire), "OK", "what was good goes on")
      assert.deepStrictEqual(changes.map(({ taken }) => taken), [true, false])
      assert.notInclude(JSON.stringify(changes), "secret")
      assert.notInclude(JSON.stringify(changes), "eyJ0")
      const stranger = yield* wireTo(port, { security })
      assert.strictEqual(yield* outcome(stranger), "UNAUTHENTICATED peer")
    }))

  it.scopedLive("are never sent in the clear", () =>
    Effect.gen(function*() {
      const { server } = yield* world({ server: { credentials: () => ({ username: "a", password: "b" }) } })
      const wire = yield* wireTo(server.listener.port, { metadata: () => ({ username: "a", password: "b" }) })
      assert.strictEqual(yield* outcome(wire), "UNAUTHENTICATED peer")
    }))

  it.scopedLive("are refused where the file makes no sense, without a word of what is in it", () =>
    Effect.gen(function*() {
      const { path, write } = yield* file
      for (
        const [text, why] of [
          ["username: hidden\n", /must have either/],
          ["username: hidden\npassword: b\naccess_token: c\n", /must have either/],
          ["hidden\n", /in line 1 none of username/],
          ["user: hidden\n", /in line 1 none of username/],
          ["username: a\npassword: hidd\u00e4n\n", /in line 2 characters that gRPC cannot carry/],
          ["", /must have either/]
        ] as const
      ) {
        write(text)
        const refused = Either.flip(fromFile(path, () => {}))
        const { message } = Either.getOrThrow(refused)
        assert.match(message, why)
        assert.notInclude(message, "hidd")
      }
      assert.isTrue(Either.isLeft(fromFile(`${path}.absent`, () => {})))
      assert.isTrue(Either.isLeft(fromFile("/dev/null", () => {})))
    }))

  it.scopedLive("that others can read are told of", () =>
    Effect.gen(function*() {
      const { path, write } = yield* file
      write("access_token: a\n")
      chmodSync(path, 0o644)
      assert.match(Either.getOrThrow(fromFile(path, () => {})).exposed ?? "", /can be read by others \(mode 644\)/)
    }))
})
