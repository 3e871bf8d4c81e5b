/** All checks together: their order, and what the later ones say once an earlier one failed. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

import { assert, describe, it } from "@effect/vitest"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Stream from "effect/Stream"

import { examine } from "../../../bin/offloadctl-doctor.ts"
import { packTo } from "../../../layers/images/pack.ts"
import type { Finding } from "../../../src/cli/doctor.ts"
import { freePort, world } from "../npu-sim/world.ts"
import { accepting, folder } from "./support.ts"

const services = ["docker-database", "docker-sonic-gnmi", "docker-dash-ha"]

/** A DPU on which all is well; what the doctor finds where the NPU is at this port. */
const dpu = Effect.gen(function*() {
  const path = yield* folder
  const at = (name: string) => join(path, name)
  mkdirSync(at("images"))
  writeFileSync(at("version.yml"), "build_version: '20260201.2'\n")
  for (const name of services) {
    yield* packTo(at(`images/${name}.tar`), { names: [`${name}:20260201.2`], files: { "/x": name }, cmd: ["/x"] })
  }
  return (npu: string, ...more: ReadonlyArray<string>) =>
    Effect.map(
      Stream.runCollect(examine([
        ...["--npu", npu, "--dpu", "dpu0", "--version-file", at("version.yml"), "--images-dir", at("images")],
        ...["--state-dir", at("state"), "--socket", at("socket"), ...more]
      ])),
      Chunk.toReadonlyArray
    )
})

const verdicts = (findings: ReadonlyArray<Finding>): ReadonlyArray<string> =>
  findings.map(({ check, verdict }) => `${verdict} ${check}`)

const ends = ["not checked room on the NPU", "ok images", "ok images", "ok images", "ok state folder"]

describe("the doctor", () => {
  it.scopedLive("finds all well where it is, in order", () =>
    Effect.gen(function*() {
      const { server } = yield* world()
      const findings = yield* (yield* dpu)(`127.0.0.1:${server.listener.port}`)
      assert.deepStrictEqual(verdicts(findings), [
        ...["version file", "DPU id", "NPU settings", "midplane", "name", "TCP", "TLS", "HTTP/2"].map((check) =>
          `ok ${check}`
        ),
        ...["ok authentication", "ok dialect", "ok clock", ...ends],
        "warning control socket"
      ])
    }))

  it.scopedLive("says of what it cannot ask any more that it is not checked, and why", () =>
    Effect.gen(function*() {
      const examined = yield* dpu
      const closed = yield* Effect.promise(freePort)
      const refused = yield* examined(`127.0.0.1:${closed}`)
      assert.deepStrictEqual(verdicts(refused).slice(5), [
        ...["failure TCP", "not checked TLS", "not checked HTTP/2", "not checked authentication"],
        ...["not checked dialect", "not checked clock", ...ends, "warning control socket"]
      ])
      const web = yield* accepting((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
      const wrong = yield* examined(`127.0.0.1:${web}`)
      assert.deepStrictEqual(verdicts(wrong).slice(7, 11), [
        ...["failure HTTP/2", "not checked authentication", "not checked dialect", "not checked clock"]
      ])
      const nobody = yield* examined("no-such-npu.invalid:8080")
      assert.deepStrictEqual(verdicts(nobody).slice(3, 6), ["not checked midplane", "failure name", "not checked TCP"])
    }))

  it.scopedLive("goes on after a version file or a certificate that cannot be read", () =>
    Effect.gen(function*() {
      const { server } = yield* world()
      const npu = `127.0.0.1:${server.listener.port}`
      const examined = yield* dpu
      const unread = yield* examined(npu, "--version-file", "/nonexistent.yml")
      assert.deepStrictEqual(verdicts(unread)[0], "failure version file")
      assert.include(verdicts(unread), "ok dialect")
      assert.include(verdicts(unread), "not checked images")
      const certificate = yield* examined(npu, "--tls-ca", "/nonexistent.pem")
      assert.deepStrictEqual(verdicts(certificate).slice(2, 5), [
        ...["failure NPU settings", "not checked midplane", "not checked name"]
      ])
      assert.include(verdicts(certificate), "ok state folder")
    }))

  it.scopedLive("goes on after a lock of the state folder that cannot be read", () =>
    Effect.gen(function*() {
      const state = yield* folder
      mkdirSync(join(state, "lock"))
      const closed = yield* Effect.promise(freePort)
      const findings = yield* (yield* dpu)(`127.0.0.1:${closed}`, "--state-dir", state)
      assert.deepStrictEqual(verdicts(findings).slice(-2), ["warning state folder", "warning control socket"])
    }))

  it.live("refuses options that make no sense", () =>
    Effect.gen(function*() {
      const refusal = yield* Effect.either(Stream.runDrain(examine(["--fast"])))
      assert.isTrue(Either.isLeft(refusal) && refusal.left.message.includes("--fast"))
      // Before anything is asked, as offloadd does.
      const findings: Array<Finding> = []
      const closed = yield* Effect.promise(freePort)
      const other = yield* Effect.flip(
        Stream.runForEach(
          examine(["--npu", `127.0.0.1:${closed}`, "--dpu", "dpu0", "--npu-architecture", "x86_64"]),
          (finding) => Effect.sync(() => findings.push(finding))
        )
      )
      assert.match(other.message, /^--npu-architecture: "x86_64" is no architecture of images; write one of .*amd64/)
      assert.deepStrictEqual(findings, [])
    }))
})
