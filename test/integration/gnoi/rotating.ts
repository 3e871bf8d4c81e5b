/**
 * Both sides' certificates replaced again and again, in files, while one looks
 * at the NPU: what fails, and which certificates were presented.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

import * as CertificateFiles from "../../../layers/certificates/files.ts"
import type { Security } from "../../../layers/gnoi/credentials.ts"
import * as Gnoi from "../../../layers/gnoi/wire.ts"
import type { ServerMaterial } from "../../../layers/npu-sim/server/credentials.ts"
import * as Npu from "../../../src/npu/npu.ts"
import { Wire } from "../../../src/npu/wire.ts"
import { authority, made, place, temporaryFolder } from "../certificates/support.ts"
import { world } from "../npu-sim/world.ts"

export interface Rotation {
  /** What the NPU was shown, handshake by handshake. */
  readonly clientSerials: ReadonlyArray<string>
  /** What the DPU was shown. */
  readonly serverSerials: ReadonlyArray<string>
  looks: number
  readonly failedLooks: Array<string>
  /** Calls that failed, also those that a look tried again. */
  readonly failedCalls: Array<string>
  /** Replaces both pairs. */
  readonly rotate: () => void
}

/** @param poll between two looks; @param period how often the files are looked at */
export const rotating = (poll: Duration.DurationInput, period: Duration.Duration) =>
  Effect.gen(function*() {
    const ca = authority()
    const [server, client] = [place(yield* temporaryFolder), place(yield* temporaryFolder)]
    const rotate = (): void => {
      server.rename(ca.certificate, made({ name: "npu", hosts: ["127.0.0.1"], issuer: ca }))
      client.rename(ca.certificate, made({ name: "dpu0", issuer: ca }))
    }
    rotate()
    const clientSerials: Array<string> = []
    const serverSerials: Array<string> = []

    const theirs = yield* CertificateFiles.follow(server.files, { period })
    const material = (): ServerMaterial => theirs.current() as ServerMaterial
    const { port } = (yield* world({
      server: {
        tls: {
          material: material(),
          clientAuth: true,
          renewals: Stream.map(theirs.renewals, material),
          onHandshake: (socket) => void clientSerials.push(socket.getPeerCertificate().serialNumber)
        }
      }
    })).server.listener

    const ours = yield* CertificateFiles.follow(client.files, { period })
    const security: Security = {
      _tag: "Tls",
      material: ours.current,
      verify: true,
      onHandshake: (peer) => void serverSerials.push(peer.serialNumber)
    }
    const target = { host: "127.0.0.1", port, security }
    const wire = yield* Gnoi.make({ ...target, moves: Stream.as(ours.renewals, target) })
    const rotation: Rotation = { clientSerials, serverSerials, looks: 0, failedLooks: [], failedCalls: [], rotate }
    const watched: typeof wire = {
      ...wire,
      collect: (method, request, deadline) =>
        Effect.tapError(
          wire.collect(method, request, deadline),
          (error) => Effect.sync(() => rotation.failedCalls.push(error.message))
        )
    }
    const npu = yield* Effect.provide(Npu.Npu, Npu.layer.pipe(Layer.provide(Layer.succeed(Wire, watched))))
    yield* Effect.forkScoped(
      Effect.forever(Effect.gen(function*() {
        const { result } = yield* npu.look(["gnmidpu0"])
        rotation.looks += 1
        if (result._tag !== "Seen") rotation.failedLooks.push(result.reason)
        yield* Effect.sleep(poll)
      }))
    )
    return rotation
  })
