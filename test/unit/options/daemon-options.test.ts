import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"

import { transportOf } from "../../../bin/offloadd-transport.ts"
import { type DaemonOptions, help, parse, parseArchitecture } from "../../../layers/options/daemon-options.ts"
import { defaults } from "../../../src/policy/policy.ts"

const options = (args: ReadonlyArray<string>, environment: Record<string, string> = {}): DaemonOptions | string =>
  Either.match(parse(args, environment), {
    onLeft: ({ message }) => message,
    onRight: (invocation) => invocation._tag === "Run" ? invocation.options : invocation._tag
  })

describe("options without a value", () => {
  it("are given, or not; as variables they are true or false", () => {
    assert.deepStrictEqual(options(["--tls-insecure"]), { "tls-insecure": true })
    assert.deepStrictEqual(options([], { OFFLOADER_PLAINTEXT: "true" }), { plaintext: true })
    assert.deepStrictEqual(options([], { OFFLOADER_PLAINTEXT: "false" }), {})
    assert.strictEqual(options([], { OFFLOADER_TLS_INSECURE: "1" }), "OFFLOADER_TLS_INSECURE is neither true nor false")
    assert.match(String(options(["--plaintext=yes"])), /plaintext/)
    assert.match(help(), /--plaintext +no TLS/)
  })
})

describe("the NPU's architecture", () => {
  it("is named as images name it", () => {
    for (const text of ["arm64", "mips", "mipsle", "ppc64"]) {
      assert.deepStrictEqual(parseArchitecture(text), Either.right(text))
    }
    for (const text of ["x86_64", "aarch64", "AMD64", "foo"]) {
      const why = Option.getOrThrow(Either.getLeft(parseArchitecture(text)))
      assert.include(why, `"${text}" is no architecture of images; write one of 386, amd64, arm, arm64, `)
    }
  })
})

describe("options of security", () => {
  const npu = ["--npu", "npu:8080"]
  it.each([
    [["--plaintext", "--tls-insecure"], /--plaintext and --tls-insecure exclude each other/],
    [["--tls-ca", "/ca", "--tls-insecure"], /--tls-ca and --tls-insecure exclude each other/],
    [["--tls-ca", "/ca", "--tls-cert", "/cert"], /go together/],
    [[...npu, "--tls-server-name", "npu"], /--tls-server-name needs --tls-ca, or --tls-insecure/],
    [["--tls-cert", "/cert", "--tls-key", "/key"], /--tls-cert needs --tls-ca/],
    [["--tls-ca", "/nowhere/ca.pem"], /TLS cannot be set up: \/nowhere\/ca\.pem cannot be read/],
    [[...npu, "--credentials", "/nowhere"], /--credentials needs TLS/],
    [["--npu", "npu"], /--npu: .* is not an address/]
  ])("%j are refused with a sentence", (args, sentence) =>
    Effect.runPromise(Effect.scoped(Effect.gen(function*() {
      const refused = yield* Effect.flip(transportOf(options(args) as DaemonOptions, defaults.connection))
      assert.match(refused.message, sentence)
    }))))

  it.scoped("say how the NPU is talked to", () =>
    Effect.gen(function*() {
      const security = (args: ReadonlyArray<string>) =>
        Effect.map(transportOf(options(args) as DaemonOptions, defaults.connection), (transport) => [
          transport.described,
          transport.options.security?._tag
        ])
      assert.deepStrictEqual(yield* security(npu), ["plaintext", "Plaintext"])
      assert.deepStrictEqual(yield* security([...npu, "--tls-insecure"]), ["TLS without verification", "Tls"])
      assert.deepStrictEqual(yield* security([]), ["as the switch says", "NotKnown"])
      const server = ["--tls-insecure", "--tls-server-name", "npu.test"]
      assert.deepStrictEqual(yield* security(server), ["as the switch says", "NotKnown"])
    }))
})
