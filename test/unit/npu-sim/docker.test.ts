import { assert, describe, it } from "@effect/vitest"
import type Docker from "dockerode"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "fast-check"

import { remove } from "../../../layers/npu-sim/docker/containers.ts"
import { createOptions } from "../../../layers/npu-sim/docker/create-options.ts"
import { refusalOf } from "../../../layers/npu-sim/docker/engine-error.ts"
import { withoutHeaders } from "../../../layers/npu-sim/docker/log.ts"
import type { StartContainerRequest } from "../../../src/npu/messages.ts"
import { request } from "./npu.ts"

describe("a start as a container engine takes it", () => {
  const made = (more: Partial<StartContainerRequest> = {}) =>
    Either.getOrThrow(createOptions(request("a", "db:1", more)))

  it("runs on the host's network, without a restart policy, unless told otherwise", () => {
    assert.deepInclude(made(), { name: "a", Image: "db:1", Env: [], Labels: {} })
    assert.deepInclude(made().HostConfig, { NetworkMode: "host", RestartPolicy: { Name: "no" }, PortBindings: {} })
    assert.isUndefined(made().Cmd)
    assert.strictEqual(Either.getOrThrow(createOptions(request("a", "db"))).Image, "db:latest")
  })

  it("takes everything along that the request says", () => {
    const options = made({
      cmd: "serve --name 'a b'",
      environment: { A: "1" },
      labels: { l: "v" },
      network: "bridge",
      ports: [{ internal: 80, external: 8080 }],
      volumes: [{ name: "v", mountPoint: "/v", readOnly: true }],
      cap: { add: ["NET_ADMIN"], remove: ["CHOWN"] },
      restart: { policy: "ON_FAILURE", attempts: 3 },
      runAs: { user: "u", group: "g" },
      limits: { maxCpu: 1.5, hardMemBytes: "1000", softMemBytes: "500" },
      devices: [{ srcPath: "/dev/a", dstPath: "", permissions: ["READ", "WRITE"] }]
    })
    assert.deepInclude(options, { Cmd: ["serve", "--name", "a b"], Env: ["A=1"], Labels: { l: "v" }, User: "u:g" })
    assert.deepStrictEqual(options.ExposedPorts, { "80/tcp": {} })
    assert.deepStrictEqual(options.HostConfig, {
      NetworkMode: "bridge",
      PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }] },
      Binds: ["v:/v:ro"],
      CapAdd: ["NET_ADMIN"],
      CapDrop: ["CHOWN"],
      RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
      Devices: [{ PathOnHost: "/dev/a", PathInContainer: "/dev/a", CgroupPermissions: "rw" }],
      NanoCpus: 1_500_000_000,
      Memory: 1000,
      MemoryReservation: 500
    })
  })
})

describe("a removal without force", () => {
  const removing = (State: object) => {
    let removed = 0
    const container = { inspect: async () => ({ Id: "1", Name: "/a", State }), remove: async () => void removed++ }
    const docker = { getContainer: () => container } as unknown as Docker
    return Effect.map(Effect.either(remove(docker, { name: "a", force: false })), (result) => ({
      code: Either.isLeft(result) ? result.left.code : "OK",
      removed
    }))
  }

  it.effect("takes what has ended, and refuses what runs or is only on its way to its end", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* removing({ Running: false, Status: "exited" }), { code: "OK", removed: 1 })
      for (const state of [{ Running: true, Status: "running" }, { Running: false, Status: "stopping" }]) {
        assert.deepStrictEqual(yield* removing(state), { code: "FAILED_PRECONDITION", removed: 0 })
      }
    }))
})

describe("the errors of a container engine", () => {
  const cases = [
    [{ statusCode: 404, json: { message: "no such container" } }, "NOT_FOUND", "no such container"],
    [{ statusCode: 409, json: { cause: "in use" } }, "FAILED_PRECONDITION", "in use"],
    [{ statusCode: 500, json: { message: "boom" } }, "INTERNAL", "boom"],
    [
      { statusCode: 500, json: { message: "Bind for 0.0.0.0:80 failed: port is already allocated" } },
      "UNAVAILABLE",
      ""
    ],
    [{ code: "ECONNREFUSED" }, "UNAVAILABLE", "ECONNREFUSED"],
    [new Error("socket hang up"), "UNAVAILABLE", "socket hang up"]
  ] as const
  for (const [error, code, words] of cases) {
    it(`${JSON.stringify(error)} is ${code}`, () => {
      const refused = refusalOf(error)
      assert.strictEqual(refused.code, code)
      assert.include(refused.details, words)
    })
  }
})

describe("stream headers of a log", () => {
  const frame = (stream: number, text: string): Buffer => {
    const body = Buffer.from(text)
    const header = Buffer.from([stream, 0, 0, 0, 0, 0, 0, 0])
    header.writeUInt32BE(body.length, 4)
    return Buffer.concat([header, body])
  }

  it("are taken off wherever the bytes are cut, and characters stay whole", () => {
    fc.assert(fc.property(fc.array(fc.fullUnicodeString()), fc.integer({ min: 1, max: 20 }), (texts, size) => {
      const bytes = Buffer.concat(texts.map((text, index) => frame(1 + index % 2, text)))
      const strip = withoutHeaders()
      let said = ""
      for (let at = 0; at < bytes.length; at += size) said += strip(bytes.subarray(at, at + size))
      assert.strictEqual(said, Buffer.from(texts.join("")).toString("utf8"))
    }))
  })

  it("that are none pass", () => {
    const strip = withoutHeaders()
    assert.strictEqual(strip(Buffer.from("plain text, ")) + strip(Buffer.from("and more")), "plain text, and more")
  })
})
