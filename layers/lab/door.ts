/** How a second terminal speaks to a program that runs in the first: words on a unix socket, a text back. */
import { connect, createServer } from "node:net"

import * as Effect from "effect/Effect"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"

import { ProcessError } from "./process.ts"

interface Answer {
  readonly text: string
  readonly failed: boolean
}

/** Answers each request until the scope closes. */
export const serve = (
  path: string,
  answer: (words: ReadonlyArray<string>) => Effect.Effect<string, { readonly message: string }>
): Effect.Effect<void, ProcessError, Scope.Scope> =>
  Effect.gen(function*() {
    const fork = yield* FiberSet.makeRuntime<never>()
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      let text = ""
      socket.on("error", () => undefined)
      socket.setEncoding("utf8").on("data", (piece: string) => void (text += piece))
      socket.on("end", () =>
        void fork(
          Effect.suspend(() => answer(JSON.parse(text) as ReadonlyArray<string>)).pipe(
            Effect.match({
              onFailure: ({ message }): Answer => ({ text: message, failed: true }),
              onSuccess: (said): Answer => ({ text: said, failed: false })
            }),
            Effect.map((reply) => void socket.end(JSON.stringify(reply)))
          )
        ))
    })
    yield* Effect.acquireRelease(
      Effect.async<void, ProcessError>((resume) => {
        server.once("error", (error) => resume(Effect.fail(new ProcessError({ message: error.message }))))
        server.listen(path, () => resume(Effect.void))
      }),
      () => Effect.sync(() => void server.close())
    )
  })

/** Asks, and gives the text that was answered; fails with it where what was asked failed. */
export const ask = (path: string, words: ReadonlyArray<string>): Effect.Effect<string, ProcessError> =>
  Effect.flatMap(
    Effect.async<string, ProcessError>((resume) => {
      let text = ""
      const socket = connect({ path, allowHalfOpen: true })
      socket.setEncoding("utf8").on("data", (piece: string) => void (text += piece))
      socket.once("connect", () => void socket.end(JSON.stringify(words)))
      socket.once("end", () => resume(Effect.succeed(text)))
      socket.once("error", (error) => resume(Effect.fail(new ProcessError({ message: `${path}: ${error.message}` }))))
      return Effect.sync(() => socket.destroy())
    }),
    (text) => {
      if (text === "") return new ProcessError({ message: "the lab went away" })
      const answer = JSON.parse(text) as Answer
      return answer.failed ? new ProcessError({ message: answer.text }) : Effect.succeed(answer.text)
    }
  )
