/**
 * The one connection to the NPU: the grpc-js client in use, what the rest of the
 * layer hears of it, and the watchdog that replaces it.
 *
 * A connection whose peer vanished without a word stays READY until TCP gives up,
 * which takes minutes, also when the NPU is back meanwhile. (What keeps silent
 * while a connection is made is `connecting.ts`'s.) Every call but `Log` has a
 * deadline, so the watchdog needs no clock of its own: when a deadline passes and
 * nothing at all was heard from the peer since that call began, the client is
 * replaced. It is replaced as well when the peer's address or a certificate
 * changes. The old one is closed gracefully: calls with a deadline go on there as
 * long as they may, so a false alarm costs a connection; streams without one are
 * broken off, since nothing else would ever end them.
 */
import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

import { type ConnectionEvent, WireError } from "../../src/npu/wire.ts"
import type { ConnectWatch } from "./connecting.ts"
import { Line } from "./line.ts"

export interface Connection {
  /** Where the peer is now, for messages. */
  readonly endpoint: () => string
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
  /** What goes with the call: user name and password, or a token. */
  readonly metadata: grpc.Metadata
  /** The peer said something. */
  readonly heard: () => void
  /** The call is over; without an error, well. Returns the error with what it says of the transport. */
  readonly ended: (error?: WireError) => WireError | undefined
  /** The call was interrupted, which says nothing about the connection. */
  readonly dropped: () => void
}

/** What the connection is made from, asked anew each time that it is. */
export interface Source {
  readonly endpoint: () => string
  readonly connectTimeout: number
  readonly newClient: (watch: ConnectWatch, keepalive: boolean) => grpc.Client
  readonly metadata: () => grpc.Metadata
  /** The peer closed a connection because of keepalive; told once, and it is off from then on. */
  readonly onTooManyPings: () => void
  /** Each element: something of it has changed, and a new connection is wanted. */
  readonly changes: Stream.Stream<unknown>
}

/** How many connection events a slow subscriber may lag behind before it loses the oldest. */
const eventBacklog = 64

/** Opens lazily, with the first call; closed with the scope. */
export const make = (source: Source): Effect.Effect<Connection, never, Scope.Scope> =>
  Effect.gen(function*() {
    const pubsub = yield* PubSub.sliding<ConnectionEvent>(eventBacklog)
    const tracker = yield* Effect.acquireRelease(
      Effect.sync(() => new Tracker(source, (event) => pubsub.unsafeOffer(event))),
      (tracker) => Effect.sync(() => tracker.close())
    )
    yield* Effect.forkScoped(Stream.runForEach(source.changes, () => Effect.sync(() => tracker.replace())))
    return {
      endpoint: source.endpoint,
      begin: (onGivenUp) => tracker.begin(onGivenUp),
      events: Stream.fromPubSub(pubsub)
    }
  })

class Tracker {
  readonly #source: Source
  readonly #publish: (event: ConnectionEvent) => void
  #line: Line
  #closed = false
  /** Milliseconds, monotonic. */
  #heardAt = -Infinity
  /** What was published last; an outage is told once. */
  #told: "nothing" | "connected" | "idle" | "lost" = "nothing"
  /** Calls that broke since the connection was made: a close that broke none is routine. */
  #broken = 0
  /** A disconnect whose kind is not known yet. */
  #undecided: (() => void) | undefined
  /** The peer does not bear keepalive: it is off for as long as this daemon lives. */
  #tooManyPings = false

  constructor(source: Source, publish: (event: ConnectionEvent) => void) {
    this.#source = source
    this.#publish = publish
    this.#line = this.#open()
  }

  begin(onGivenUp?: () => void): CallRecord {
    const line = this.#line
    const beganAt = performance.now()
    const dropped = line.take(onGivenUp)
    return {
      client: line.client,
      metadata: this.#source.metadata(),
      dropped,
      heard: () => {
        this.#heardAt = performance.now()
      },
      ended: (error) => {
        dropped()
        const fault = error === undefined ? undefined : line.faultOf(error)
        if (error === undefined || error.origin === "peer") this.#heardAt = performance.now()
        else if (error.code === "UNAVAILABLE") this.#broken += 1
        else if (error.code === "DEADLINE_EXCEEDED" && this.#heardAt < beganAt && line === this.#line) this.#doubt()
        if (error === undefined || fault === undefined) return error
        const { code, details, method, origin } = error
        return new WireError({ method, code, origin, details, fault })
      }
    }
  }

  close(): void {
    this.#closed = true
    this.#line.close()
  }

  /** Nobody answers: is it worth a new connection? */
  #doubt(): void {
    if (this.#closed) return
    if (this.#line.client.getChannel().getConnectivityState(false) !== grpc.connectivityState.READY) return
    this.replace(`${this.#source.endpoint()} did not answer in time; connecting anew`)
  }

  /** Without a reason the old connection was sound. */
  replace(lost?: string): void {
    if (this.#closed) return
    const old = this.#line
    this.#line = this.#open()
    if (lost !== undefined) this.#lost(lost)
    old.retire()
  }

  #open(): Line {
    const line: Line = new Line(
      (watch) => this.#source.newClient({ ...watch, limit: this.#source.connectTimeout }, !this.#tooManyPings),
      () => {
        if (!this.#tooManyPings) this.#source.onTooManyPings()
        this.#tooManyPings = true
        // It is we who must change, and at once: grpc-js would go on at half the pace.
        if (line === this.#line) this.replace()
      }
    )
    this.#follow(line)
    return line
  }

  #follow(line: Line): void {
    const channel = line.client.getChannel()
    let state = channel.getConnectivityState(false)
    const next = (): void =>
      channel.watchConnectivityState(state, Infinity, () => {
        if (this.#closed || line !== this.#line) return
        const before = state
        state = channel.getConnectivityState(false)
        this.#changed(before, state)
        next()
      })
    next()
  }

  #changed(before: grpc.connectivityState, now: grpc.connectivityState): void {
    if (now === grpc.connectivityState.READY) {
      this.#undecided?.()
      this.#line.connected()
      this.#broken = 0
      this.#told = "connected"
      this.#publish({ _tag: "Connected" })
    } else if (before === grpc.connectivityState.READY) {
      // The calls that the drop breaks learn of it in the next turn of the event loop.
      this.#undecided = () => {
        this.#undecided = undefined
        if (this.#broken > 0) {
          this.#lost(`the connection to ${this.#source.endpoint()} broke, and ${this.#broken} calls with it`)
        } else this.#idle()
      }
      setImmediate(() => setImmediate(() => this.#undecided?.()))
    } else if (now === grpc.connectivityState.TRANSIENT_FAILURE) {
      this.#undecided?.()
      const why = this.#line.failure === undefined ? "" : `: ${this.#line.failure.message}`
      this.#lost(`cannot connect to ${this.#source.endpoint()}${why}`)
    }
  }

  #idle(): void {
    if (this.#told !== "connected") return
    this.#told = "idle"
    this.#publish({
      _tag: "Disconnected",
      reason: `${this.#source.endpoint()} closed the idle connection`,
      routine: true
    })
  }

  #lost(reason: string): void {
    if (this.#told === "lost") return
    this.#told = "lost"
    this.#publish({ _tag: "Disconnected", reason, routine: false })
  }
}
