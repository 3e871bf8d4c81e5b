/** The daemon's streams, events and output of containers, read from the socket line by line. */
import * as Chunk from "effect/Chunk"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

import { decodeProblem, segment } from "../../src/cli/control-client.ts"
import type { EventFeed, EventQuery, OutputQuery } from "../../src/cli/event-feed.ts"
import { BadReply, type ExchangeError } from "../../src/cli/exchange.ts"
import { answerTimeout } from "../../src/control/answer-time.ts"
import type { ProblemView } from "../../src/control/problems.ts"
import { Event } from "../../src/model/event.ts"
import { answerLimit, open, unanswered } from "./client.ts"
import { type Line, lineLimit, Lines } from "./lines.ts"

/** The events of the daemon on this socket. */
export const feed = (path: string): EventFeed["Type"] => ({
  events: (query) =>
    Stream.mapEffect(Stream.filter(lines(path, pathOf(query)), (line) => line.text !== ""), decode) as ReturnType<
      EventFeed["Type"]["events"]
    >,
  output: (query) => Stream.map(lines(path, outputPath(query)), marked) as ReturnType<EventFeed["Type"]["output"]>
})

const pathOf = (query: EventQuery): string => {
  const parameters = [
    ...(query.follow ? ["follow=true"] : []),
    ...(["container", "operation", "since"] as const).flatMap((name) => {
      const value = query[name]
      return value === undefined ? [] : [`${name}=${segment(value)}`]
    })
  ]
  return `/v1/events${parameters.length === 0 ? "" : `?${parameters.join("&")}`}`
}

const outputPath = ({ container, follow, previous }: OutputQuery): string =>
  `/v1/containers/${segment(container)}/logs?follow=${follow}&previous=${previous}`

const parseEvent = Schema.decodeUnknownEither(Schema.parseJson(Event))

const decode = ({ cut, text }: Line): Effect.Effect<Event, BadReply> =>
  Either.match(parseEvent(text), {
    onLeft: () =>
      Effect.fail(
        new BadReply({
          message: cut
            ? `offloadd sent an event that is longer than ${lineLimit} characters`
            : "offloadd sent an event that is not understood; it may be of another version"
        })
      ),
    onRight: Effect.succeed
  })

/** A line of output, with a word where it is not all of it. */
const marked = ({ cut, text }: Line): string =>
  cut ? `${text} [cut here: the line is longer than ${lineLimit} characters]` : text

/**
 * The lines of a reply as they come, no faster than they are read; another
 * status than 200 fails with what it says, and so does a reply that breaks off,
 * or one that does not begin in time. Once it has begun it may take for ever.
 */
const lines = (socketPath: string, path: string): Stream.Stream<Line, ExchangeError | ProblemView> =>
  Stream.asyncScoped<Line, ExchangeError | ProblemView>((emit) =>
    Effect.gen(function*() {
      const begun = yield* Deferred.make<void>()
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          let ok = false
          let problem = ""
          const lines = new Lines()
          const decoder = new TextDecoder()
          const give = (whole: ReadonlyArray<Line>) =>
            whole.length === 0 ? undefined : emit.chunk(Chunk.unsafeFromArray(whole))
          const socket = open(socketPath, "GET", path, undefined, {
            onHead: (status) => {
              ok = status === 200
              // A refusal has not answered before it has said why.
              if (ok) Deferred.unsafeDone(begun, Effect.void)
            },
            onPiece: (piece) => {
              const text = decoder.decode(piece, { stream: true })
              if (ok) {
                const taken = give(lines.feed(text))
                if (taken === undefined) return
                socket.pause()
                void taken.then(() => socket.resume())
              } else {
                problem += text
                if (problem.length > answerLimit) throw new Error("it is too long")
              }
            },
            onDone: (status, brokeOff) => {
              if (ok) void give(lines.end())
              const body = ok ? brokeOff : problem
              if (body === undefined) void emit.end()
              else void emit.fail(decodeProblem({ status, body }))
            },
            onError: (error) => void emit.fail(error)
          })
          return socket
        }),
        (socket) => Effect.sync(() => socket.destroy())
      )
      yield* Deferred.await(begun).pipe(
        Effect.timeoutFail({ duration: answerTimeout, onTimeout: () => unanswered(socketPath, "GET") }),
        Effect.catchAll((error) => Effect.promise(() => emit.fail(error))),
        Effect.forkScoped
      )
    })
  )
