/**
 * `offloadctl`, by the quick way where the command line has an everyday shape
 * (src/cli/fast-path.ts), else by the whole program, which is a bundle of its own
 * and costs nothing until it is needed. Both end alike; a test holds them to it.
 */
import "./offloadctl-stdout.ts"

import * as Effect from "effect/Effect"

import { exchange } from "../layers/control/client.ts"
import { ControlClient, make } from "../src/cli/control-client.ts"
import { fastPath } from "../src/cli/fast-path.ts"
import { Screen } from "../src/cli/screen.ts"
import { argv, run, socketPath } from "./offloadctl-process.ts"
import { screen } from "./offloadctl-screen.ts"
import { restoreStdout } from "./offloadctl-stdout.ts"

restoreStdout()

const quick = fastPath(argv)

if (quick === undefined) {
  void import("./offloadctl-full.ts").then(({ start }) => start())
} else {
  run(quick.pipe(
    Effect.provideService(ControlClient, make(exchange(socketPath(undefined)))),
    Effect.provideService(Screen, screen)
  ))
}
