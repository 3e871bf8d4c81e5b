/** A control server on a socket in a folder of its own, with handlers that say fixed things. */
import { mkdtempSync, rmSync } from "node:fs"
import * as net from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"

import * as HttpApiBuilder from "@effect/platform/HttpApiBuilder"
import * as HttpServerResponse from "@effect/platform/HttpServerResponse"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import * as ControlServer from "../../../layers/control/server.ts"
import { api } from "../../../src/control/api.ts"
import { policyView } from "../../../src/control/policy-view.ts"
import {
  Busy,
  Declined,
  NoLog,
  NpuUnreachable,
  UnknownContainer,
  UnknownOperation
} from "../../../src/control/problems.ts"
import { apiVersion } from "../../../src/control/views.ts"
import { defaults } from "../../../src/policy/policy.ts"
import { accepted, deployStatus, list, npuStatus, status, version } from "../../unit/cli/views.ts"

/** A folder that goes with the scope. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "control-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

export interface Seen {
  readonly deploys: Array<unknown>
  /** Completes once a follower reads. */
  readonly following: Deferred.Deferred<void>
}

const unknown = (name: string) =>
  new UnknownContainer({ message: `there is no container "${name}"`, known: ["gnmidpu0"] })

/** How the output of `ha` ends; more than a header could hold as it is. */
export const cutOff = new NpuUnreachable({ message: "the line was cut\n\u001b[31m — é" })

const handlers = (seen: Seen) => {
  const containers = HttpApiBuilder.group(api, "containers", (handlers) =>
    handlers
      .handle("list", () => Effect.succeed(list()))
      .handle("status", ({ path }) =>
        path.container === "gnmi" ? Effect.succeed(status()) : Effect.fail(unknown(path.container)))
      .handle("start", () =>
        Effect.succeed(accepted("running")))
      .handle("stop", () => Effect.die("the disk is on fire"))
      .handleRaw("logs", ({ path, urlParams }) => {
        if (urlParams.previous === true) return Effect.fail(new NoLog({ message: "nothing is kept" }))
        return Effect.succeed(
          path.container === "ha"
            ? HttpServerResponse.stream(Stream.encodeText(Stream.concat(Stream.make("one\ntwo"), Stream.fail(cutOff))))
            : HttpServerResponse.text("one\ntwo\u001b[31m\nthree", { contentType: "text/plain" })
        )
      })
      .handle("retry", ({ path }) =>
        path.container === "gnmi"
          ? Effect.succeed({ apiVersion, containers: ["gnmidpu0"], waited: ["gnmidpu0"] })
          : Effect.fail(unknown(path.container)))
      .handle("retryAll", () => Effect.succeed({ apiVersion, containers: ["gnmidpu0", "dash-hadpu0"], waited: [] })))
  const notHere = new Declined({ message: "not here" })
  const upgrades = HttpApiBuilder.group(api, "upgrades", (handlers) =>
    handlers
      .handle("plan", () => Effect.die("nobody plans here"))
      .handle("upgrade", () => Effect.fail(notHere))
      .handle("rollback", () => Effect.fail(notHere))
      .handle("release", ({ payload }) =>
        Effect.succeed({ apiVersion, upgrade: null, version: payload.subject, message: `released ${payload.subject}` }))
      .handle("pause", () =>
        Effect.fail(notHere))
      .handle("resume", () =>
        Effect.fail(notHere))
      .handle("images", () => Effect.fail(notHere)))
  const deployments = HttpApiBuilder.group(api, "deployments", (handlers) =>
    handlers
      .handle("deploy", ({ payload }) =>
        Effect.suspend(() => {
          seen.deploys.push(payload)
          return payload.image === "busy:1"
            ? Effect.fail(new Busy({ message: "another transfer is under way", operation: "op-0" }))
            : Effect.succeed(deployStatus())
        }))
      .handle("deployment", ({ path }) => Effect.fail(new UnknownOperation({ message: `no ${path.operation}` })))
      .handle("cancel", () => Effect.succeed(deployStatus({ outcome: "cancelled", phase: "done" }))))
  const daemon = HttpApiBuilder.group(api, "daemon", (handlers) =>
    handlers
      .handle("version", () => Effect.succeed(version()))
      .handle("npu", () => Effect.succeed(npuStatus()))
      .handle("policy", () => Effect.succeed(policyView(defaults)))
      .handleRaw("events", ({ urlParams }) => {
        const event = (sequence: number) =>
          `${
            JSON.stringify({
              sequence,
              at: "2026-01-01T00:00:00.000Z",
              severity: "info",
              reason: "Tried",
              message: "é"
            })
          }\n`
        const first = Stream.make(event(1), event(2))
        const rest = Stream.fromEffect(Effect.zipRight(Deferred.succeed(seen.following, undefined), Effect.never))
        return Effect.succeed(
          HttpServerResponse.stream(
            Stream.encodeText(urlParams.follow === true ? Stream.concat(first, rest) : first),
            { contentType: "application/x-ndjson" }
          )
        )
      }))
  return HttpApiBuilder.api(api).pipe(Layer.provide([containers, deployments, upgrades, daemon]))
}

/** Serves until the scope ends. */
export const serve = (path: string) =>
  Effect.gen(function*() {
    const seen: Seen = { deploys: [], following: yield* Deferred.make<void>() }
    yield* Layer.build(ControlServer.layer({ path }).pipe(Layer.provide(handlers(seen)))).pipe(
      Logger.withMinimumLogLevel(LogLevel.None)
    )
    return seen
  })

/** In the place of a daemon: answers every connection so, once anything has been asked on it. */
export const answering = (answer: (socket: net.Socket) => void): Effect.Effect<string, never, Scope.Scope> =>
  Effect.gen(function*() {
    const path = join(yield* folder, "s")
    const sockets = new Set<net.Socket>()
    const server = net.createServer((socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.once("data", () => answer(socket))
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(path, () => resume(Effect.void))),
      () =>
        Effect.async<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resume(Effect.void))
        })
    )
    return path
  })

/** Sends these bytes and answers everything that comes back until the other side closes. */
export const raw = (path: string, bytes: string): Effect.Effect<string> =>
  Effect.async<string>((resume) => {
    let answer = ""
    const socket = net.connect({ path })
    socket.on("data", (piece) => {
      answer += piece.toString("utf8")
    })
    socket.on("error", (error) => resume(Effect.succeed(`${answer}[${error.message}]`)))
    socket.on("close", () => resume(Effect.succeed(answer)))
    socket.write(bytes)
    return Effect.sync(() => socket.destroy())
  })

/** A POST with this body, as a client would frame it. */
export const post = (path: string, body: string): string =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

export const get = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`
