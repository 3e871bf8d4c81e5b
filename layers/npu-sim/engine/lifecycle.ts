/** How a container's process begins and ends: starts, crashes, restarts by policy, removal. */
import { type Behaviour, type ProbeMode, wellBehaved } from "./behaviour.ts"
import type { Container, Core } from "./core.ts"
import { emit } from "./core.ts"
import { done } from "./reply.ts"

/** First delay of a container engine's own restart policy, ms; doubles up to the last. */
const firstRestartDelay = 100
const lastRestartDelay = 60_000
/** A container engine forgets earlier failures after this long a run, ms. */
const forgivenAfter = 10_000

/** The process starts. */
export const run = (core: Core, container: Container): void => {
  container.state = "running"
  container.awaitingRestart = false
  container.startedAt = core.time
  container.finishedAt = undefined
  container.exitCode = undefined
  say(core, container, `started ${container.name} from ${container.imageName}`)
  emit(core, "Started", container)
  const behaviour = behaviourOf(core, container)
  if (isForeign(core, container)) {
    container.timers.life = core.timers.set(core.time, () => {
      say(core, container, "exec /usr/local/bin/supervisord: exec format error")
      exit(core, container, 255)
    })
  } else if (behaviour.crashAfter !== undefined) {
    container.timers.life = core.timers.set(core.time + behaviour.crashAfter, () => {
      say(core, container, "fatal: the service cannot go on")
      exit(core, container, 1)
    })
  } else if (behaviour.healthyAfter !== undefined) {
    container.timers.life = core.timers.set(
      core.time + behaviour.healthyAfter,
      () => emit(core, "ProbeChanged", container)
    )
  }
}

/** The process is gone, by a crash or by a stop; the restart policy may bring it back. */
export const exit = (core: Core, container: Container, exitCode: number): void => {
  const ran = core.time - (container.startedAt ?? core.time)
  const stopping = container.stopping
  clearTimers(core, container)
  container.stopping = undefined
  container.finishedAt = core.time
  container.exitCode = exitCode
  if (ran >= forgivenAfter) container.restarts = 0
  const restarts = stopping === undefined && wantsRestart(container, exitCode)
  if (restarts) {
    container.awaitingRestart = true
    const delay = Math.min(lastRestartDelay, firstRestartDelay * 2 ** container.restarts)
    container.restarts++
    container.timers.restart = core.timers.set(core.time + delay, () => run(core, container))
  } else {
    container.awaitingRestart = false
    container.state = "exited"
  }
  emit(core, "Exited", container)
  stopping?.settle(done)
}

/** The container is gone, whatever it was doing. */
export const drop = (core: Core, container: Container): void => {
  const stopping = container.stopping
  clearTimers(core, container)
  core.containers.delete(container.name)
  if (container.state === "running" && !container.awaitingRestart) {
    container.finishedAt = core.time
    container.state = "exited"
    emit(core, "Exited", container)
  }
  container.state = "exited"
  container.awaitingRestart = false
  container.stopping = undefined
  emit(core, "Removed", container)
  stopping?.settle(done)
}

/** Whether a process is there that could serve a port. */
export const isAlive = (container: Container): boolean => container.state === "running" && !container.awaitingRestart

export const behaviourOf = (core: Core, container: Container): Behaviour =>
  core.images.get(container.imageId)?.behaviour ?? wellBehaved

/** Whether its image is for another processor: it is taken in and started like any other, and its program cannot run. */
const isForeign = ({ images, options }: Core, { imageId }: Container): boolean => {
  const { architecture = "" } = images.get(imageId) ?? {}
  return options.architecture !== undefined && architecture !== "" && architecture !== options.architecture
}

/** How its port answers now. */
export const probeModeOf = (core: Core, container: Container): ProbeMode => {
  if (!isAlive(container)) return "refuse"
  if (container.probe !== undefined) return container.probe
  const behaviour = behaviourOf(core, container)
  const ready = (container.startedAt ?? 0) + (behaviour.healthyAfter ?? 0) <= core.time
  return ready ? behaviour.probe : "refuse"
}

/** Adds a line to the container's log and tells its followers. */
export const say = (core: Core, container: Container, text: string): void => {
  const line = `${new Date(core.time).toISOString()} ${text}\n`
  container.log.push(line)
  if (container.log.length > keptLines) container.log.shift()
  emit(core, "Logged", container, line)
}

const keptLines = 200

const wantsRestart = (container: Container, exitCode: number): boolean => {
  const restart = container.request.restart
  switch (restart?.policy) {
    case "ALWAYS":
    case "UNLESS_STOPPED":
      return true
    case "ON_FAILURE":
      return exitCode !== 0
        && (restart.attempts === undefined || restart.attempts === 0 || container.restarts < restart.attempts)
    default:
      return false
  }
}

const clearTimers = (core: Core, container: Container): void => {
  core.timers.cancel(container.timers.life)
  core.timers.cancel(container.timers.stop)
  core.timers.cancel(container.timers.restart)
  container.timers.life = undefined
  container.timers.stop = undefined
  container.timers.restart = undefined
}
