/** How a binary that started other processes ends: when asked, in order, and once. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import type * as Effect from "effect/Effect"

/**
 * Runs until done or told to end. Its processes are in groups of their own and would outlive it, so a closed terminal, or
 * that nobody reads along any more (`npm start | head`), is as good as Ctrl-C, and when asked again while it is ending it
 * goes on ending: its scope gives each process 5 s. Errors are told by whoever calls.
 */
export const runMainWithChildren = <A, E>(main: Effect.Effect<A, E>): void => {
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => undefined)
  const end = () => process.kill(process.pid, "SIGTERM")
  process.on("SIGHUP", end)
  for (const stream of [process.stdout, process.stderr]) stream.on("error", end)
  NodeRuntime.runMain(main, { disableErrorReporting: true })
}
