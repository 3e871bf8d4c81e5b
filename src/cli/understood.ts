/** Reads what the daemon answered by a schema that only some verbs need. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

import { ControlClient, misunderstood } from "./control-client.ts"
import { BadReply } from "./exchange.ts"

export const understood = <A, I>(schema: Schema.Schema<A, I>, what: string) => {
  const decode = Schema.decodeUnknown(schema)
  return <E, R>(answer: Effect.Effect<unknown, E, R>): Effect.Effect<A, E | BadReply, R | ControlClient> =>
    Effect.flatMap(
      answer,
      (json) =>
        Effect.catchTag(
          decode(json),
          "ParseError",
          () =>
            Effect.flatMap(ControlClient, ({ daemonVersion }) =>
              Effect.flatMap(daemonVersion, (version) =>
                new BadReply({ message: misunderstood(what, version) })))
        )
    )
}
