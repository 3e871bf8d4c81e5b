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

import type { TransportFault } from "../../src/model/transport-fault.ts"
import { type ConnectionEvent, WireError } from "../../src/npu/wire.ts"
import type { ConnectWatch, Stage } from "./connecting.ts"
import type { ConnectError } from "./fault.ts"

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
  /** How far the attempt under way has come; undefined while there is none. */
  #stage: Stage | undefined
  /** Why the last attempt failed; undefined once one went well. */
  #failure: ConnectError | undefined
  /** The peer does not bear keepalive: it is off for as long as this daemon lives. */
  #tooManyPings = false
  /** The connection was closed for that since it was made. */
  #pingedOut = false

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
        const fault = error === undefined ? undefined : this.#faultOf(error)
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
    this.#line.client.close()
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
    this.#stage = undefined
    this.#failure = undefined
    this.#pingedOut = false
    const ours = <A>(hear: (told: A) => void) => (told: A): void => {
      if (line === this.#line) hear(told)
    }
    const line: Line = new Line(this.#source.newClient({
      limit: this.#source.connectTimeout,
      reached: ours((stage) => {
        this.#stage = stage
      }),
      failed: ours((error) => {
        this.#stage = undefined
        this.#failure = error
      }),
      goaway: ours(({ code, text }) => {
        if (code === enhanceYourCalm && text === "too_many_pings") this.#pinged()
      })
    }, !this.#tooManyPings))
    this.#follow(line)
    return line
  }

  /** What an error says of the transport; nothing where the peer answered with a status of its own. */
  #faultOf(error: WireError): TransportFault | undefined {
    if (error.origin === "peer") return error.code === "UNAUTHENTICATED" ? "Unauthenticated" : undefined
    switch (error.code) {
      case "DEADLINE_EXCEEDED":
        return this.#failure?.fault
          ?? (this.#stage === undefined ? "NoAnswer" : this.#stage === "Dialing" ? "TimedOut" : "NoSettings")
      case "UNAVAILABLE":
      case "INTERNAL":
      case "UNKNOWN":
        if (error.details.startsWith("Name resolution failed")) return "NameNotFound"
        if (/HTTP status code/.test(error.details)) return "NotGrpc"
        return this.#pingedOut ? "TooManyPings" : this.#failure?.fault ?? "ConnectionLost"
      default:
        return undefined
    }
  }

  /** It is we who must change: grpc-js pings half as often from now on, the next client not at all. */
  #pinged(): void {
    this.#pingedOut = true
    this.#tooManyPings = true
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
      this.#stage = undefined
      this.#failure = undefined
      this.#pingedOut = false
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
      const why = this.#failure === undefined ? "" : `: ${this.#failure.message}`
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

/** A client and the calls on it. One that was replaced is closed when the last of them is over. */
class Line {
  readonly client: grpc.Client
  #calls = 0
  #retired = false
  /** How to end those that have no deadline. */
  readonly #endless = new Set<() => void>()

  constructor(client: grpc.Client) {
    this.client = client
  }

  /** A call begins; to be told once when it is over. */
  take(onGivenUp: (() => void) | undefined): () => void {
    this.#calls += 1
    if (onGivenUp !== undefined) this.#endless.add(onGivenUp)
    let over = false
    return () => {
      if (over) return
      over = true
      this.#calls -= 1
      if (onGivenUp !== undefined) this.#endless.delete(onGivenUp)
      this.#closeIfDone()
    }
  }

  retire(): void {
    this.#retired = true
    for (const giveUp of Array.from(this.#endless)) giveUp()
    this.#closeIfDone()
  }

  // Not sooner: grpc-js fails calls that wait for a connection when their channel is closed.
  #closeIfDone(): void {
    if (this.#retired && this.#calls === 0) this.client.close()
  }
}

/** HTTP/2's error code for a peer that asks too much. */
const enhanceYourCalm = 11
