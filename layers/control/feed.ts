/** The daemon's streams, events and output of containers, read from the socket line by line. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

import { decodeProblem, segment } from "../../src/cli/control-client.ts"
import type { EventFeed, EventQuery, OutputQuery } from "../../src/cli/event-feed.ts"
import { BadReply, type ExchangeError } from "../../src/cli/exchange.ts"
import type { ProblemView } from "../../src/control/problems.ts"
import { Event } from "../../src/model/event.ts"
import { open } from "./client.ts"

/** The events of the daemon on this socket. */
export const feed = (path: string): EventFeed["Type"] => ({
  events: (query) =>
    Stream.mapEffect(Stream.filter(lines(path, pathOf(query)), (line) => line !== ""), decode) as ReturnType<
      EventFeed["Type"]["events"]
    >,
  output: (query) => lines(path, outputPath(query)) as ReturnType<EventFeed["Type"]["output"]>
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

const decode = (line: string): Effect.Effect<Event, BadReply> =>
  Either.match(parseEvent(line), {
    onLeft: () =>
      Effect.fail(
        new BadReply({ message: "offloadd sent an event that is not understood; it may be of another version" })
      ),
    onRight: Effect.succeed
  })

/** The lines of a reply as they come; another status than 200 fails with what it says. */
const lines = (socketPath: string, path: string): Stream.Stream<string, ExchangeError | ProblemView> =>
  Stream.asyncPush<string, ExchangeError | ProblemView>((emit) =>
    Effect.acquireRelease(
      Effect.sync(() => {
        let ok = false
        let held = ""
        const decoder = new TextDecoder()
        return open(socketPath, "GET", path, undefined, {
          onHead: (status) => {
            ok = status === 200
          },
          onPiece: (piece) => {
            held += decoder.decode(piece, { stream: true })
            if (!ok) return
            const whole = held.split("\n")
            held = whole.pop() ?? ""
            for (const line of whole) emit.single(line)
          },
          onDone: (status) => {
            if (ok) {
              if (held !== "") emit.single(held)
              emit.end()
            } else emit.fail(decodeProblem({ status, body: held }))
          },
          onError: (error) => void emit.fail(error)
        })
      }),
      (socket) => Effect.sync(() => socket.destroy())
    ), { bufferSize: "unbounded" })
