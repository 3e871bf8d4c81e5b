/**
 * The one connection to the NPU: the grpc-js client in use, what the rest of the
 * layer hears of it, and the watchdog that replaces it.
 *
 * A connection whose peer vanished without a word stays READY until TCP gives up,
 * and an attempt to connect that nobody answers stays CONNECTING as long; both
 * take minutes, also when the NPU is back meanwhile. (A peer that accepts and
 * keeps silent is `handshake.ts`'s.) Every call but `Log` has a deadline, so the
 * watchdog needs no clock of its own: when a deadline passes and nothing at all
 * was heard from the peer since that call began, the client is replaced. The old
 * one is closed gracefully: calls with a deadline go on there as long as they
 * may, so a false alarm costs a connection; streams without one are broken off,
 * since nothing else would ever end them.
 */
import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import type { ConnectionEvent, WireError } from "../../src/npu/wire.ts"

export interface Connection {
  readonly endpoint: string
  /**
   * To be called once for each call, just before it starts. `onGivenUp` is for
   * calls without a deadline: their connection is dead, they shall end.
   */
  readonly begin: (onGivenUp?: () => void) => CallRecord
  readonly events: Stream.Stream<ConnectionEvent>
}

/** One call, as far as the connection is concerned. */
export interface CallRecord {
  /** The client to make the call on. */
  readonly client: grpc.Client
  /** The peer said something. */
  readonly heard: () => void
  /** The call is over; without an error, well. */
  readonly ended: (error?: WireError) => void
  /** The call was interrupted, which says nothing about the connection. */
  readonly dropped: () => void
}

/** How many connection events a slow subscriber may lag behind before it loses the oldest. */
const eventBacklog = 64

/**
 * Opens lazily, with the first call; closed with the scope.
 *
 * @param connectTimeout how long an attempt may last before it may be given up, milliseconds
 */
export const make = (
  endpoint: string,
  connectTimeout: number,
  newClient: () => grpc.Client
): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.gen(function*() {
    const pubsub = yield* PubSub.sliding<ConnectionEvent>(eventBacklog)
    const tracker = yield* Effect.acquireRelease(
      Effect.sync(() => new Tracker(endpoint, connectTimeout, newClient, (event) => pubsub.unsafeOffer(event))),
      (tracker) => Effect.sync(() => tracker.close())
    )
    return { endpoint, begin: (onGivenUp) => tracker.begin(onGivenUp), events: Stream.fromPubSub(pubsub) }
  })

class Tracker {
  readonly #endpoint: string
  readonly #connectTimeout: number
  readonly #newClient: () => grpc.Client
  readonly #publish: (event: ConnectionEvent) => void
  #client: grpc.Client
  #closed = false
  /** Milliseconds, monotonic. */
  #heardAt = -Infinity
  /** Since when the channel is in the state it is in. */
  #stateSince = -Infinity
  /** How to end the calls on this client that have no deadline. */
  #endless = new Set<() => void>()
  /** What was published last; an outage is told once. */
  #told: "nothing" | "connected" | "idle" | "lost" = "nothing"
  /** Calls that broke since the connection was made: a close that broke none is routine. */
  #broken = 0
  /** A disconnect whose kind is not known yet. */
  #undecided: (() => void) | undefined

  constructor(
    endpoint: string,
    connectTimeout: number,
    newClient: () => grpc.Client,
    publish: (event: ConnectionEvent) => void
  ) {
    this.#endpoint = endpoint
    this.#connectTimeout = connectTimeout
    this.#newClient = newClient
    this.#publish = publish
    this.#client = this.#newClient()
    this.#follow(this.#client)
  }

  begin(onGivenUp?: () => void): CallRecord {
    const client = this.#client
    const endless = this.#endless
    const beganAt = performance.now()
    if (onGivenUp !== undefined) endless.add(onGivenUp)
    const dropped = () => void (onGivenUp !== undefined && endless.delete(onGivenUp))
    return {
      client,
      dropped,
      heard: () => {
        this.#heardAt = performance.now()
      },
      ended: (error) => {
        dropped()
        if (error === undefined || error.origin === "peer") this.#heardAt = performance.now()
        else if (error.code === "UNAVAILABLE") this.#broken += 1
        else if (error.code === "DEADLINE_EXCEEDED" && this.#heardAt < beganAt && client === this.#client) this.#doubt()
      }
    }
  }

  close(): void {
    this.#closed = true
    this.#client.close()
  }

  /** Nobody answers: is it worth a new connection? */
  #doubt(): void {
    if (this.#closed) return
    const state = this.#client.getChannel().getConnectivityState(false)
    const trying = performance.now() - this.#stateSince
    if (
      state === grpc.connectivityState.READY
      || (state === grpc.connectivityState.CONNECTING && trying >= this.#connectTimeout)
    ) this.#renew()
  }

  #renew(): void {
    const dead = this.#client
    const endless = this.#endless
    this.#client = this.#newClient()
    this.#endless = new Set()
    this.#follow(this.#client)
    dead.close()
    this.#lost(`${this.#endpoint} did not answer in time; connecting anew`)
    endless.forEach((giveUp) => giveUp())
  }

  #follow(client: grpc.Client): void {
    const channel = client.getChannel()
    let state = channel.getConnectivityState(false)
    const next = (): void =>
      channel.watchConnectivityState(state, Infinity, () => {
        if (this.#closed || client !== this.#client) return
        const before = state
        state = channel.getConnectivityState(false)
        this.#stateSince = performance.now()
        this.#changed(before, state)
        next()
      })
    next()
  }

  #changed(before: grpc.connectivityState, now: grpc.connectivityState): void {
    if (now === grpc.connectivityState.READY) {
      this.#undecided?.()
      this.#broken = 0
      this.#told = "connected"
      this.#publish({ _tag: "Connected" })
    } else if (before === grpc.connectivityState.READY) {
      // The calls that the drop breaks learn of it in the next turn of the event loop.
      this.#undecided = () => {
        this.#undecided = undefined
        if (this.#broken > 0) this.#lost(`the connection to ${this.#endpoint} broke, and ${this.#broken} calls with it`)
        else this.#idle()
      }
      setImmediate(() => setImmediate(() => this.#undecided?.()))
    } else if (now === grpc.connectivityState.TRANSIENT_FAILURE) {
      this.#undecided?.()
      this.#lost(`cannot connect to ${this.#endpoint}`)
    }
  }

  #idle(): void {
    if (this.#told !== "connected") return
    this.#told = "idle"
    this.#publish({ _tag: "Disconnected", reason: `${this.#endpoint} closed the idle connection`, routine: true })
  }

  #lost(reason: string): void {
    if (this.#told === "lost") return
    this.#told = "lost"
    this.#publish({ _tag: "Disconnected", reason, routine: false })
  }
}
