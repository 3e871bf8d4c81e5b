/** Asks services across the midplane whether they answer: a connection, a Redis PING, a gRPC health check. */
import type { Socket } from "node:net"

import * as Layer from "effect/Layer"

import { Prober, type ProbeResult, type ProbeTarget } from "../../src/health/prober.ts"
import { healthy, type Question } from "./answer.ts"
import { overConnection } from "./connection.ts"
import { askGrpcHealth } from "./grpc-health.ts"
import { askRedis } from "./redis-ping.ts"

/** Every probe on a connection of its own, which is gone when the probe is over. */
export const layer: Layer.Layer<Prober> = Layer.succeed(Prober, {
  probe: (target, timeout) => overConnection(target, questions[target.kind], timeout)
})

/** To be connected is all that is asked. */
const askNothing = (_socket: Socket, answered: (result: ProbeResult) => void): void => answered(healthy)

const questions: Readonly<Record<ProbeTarget["kind"], Question>> = {
  tcp: askNothing,
  redis: askRedis,
  grpc: askGrpcHealth
}
