/** Reads what the daemon answered by a schema that only some verbs need. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

import { BadReply } from "./exchange.ts"

export const understood = <A, I>(schema: Schema.Schema<A, I>, what: string) => {
  const decode = Schema.decodeUnknown(schema)
  return <E, R>(answer: Effect.Effect<unknown, E, R>): Effect.Effect<A, E | BadReply, R> =>
    Effect.flatMap(answer, (json) =>
      Effect.mapError(decode(json), () =>
        new BadReply({
          message: `offloadd's ${what} is not understood; it may be of another version than offloadctl`
        })))
}
