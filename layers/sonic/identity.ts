/** Which DPU this is, and which version it runs: told by the switch, or by a lab. */
import { networkInterfaces } from "node:os"
import { join } from "node:path"

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"

import { DpuIdentity } from "../../src/daemon/dpu-identity.ts"
import type { DpuNumber } from "../../src/model/catalogue.ts"
import { versions } from "./version-file.ts"

export interface SwitchOptions {
  /** Stands before every path that is read; "/" where nothing is said. */
  readonly root?: string
  /** Where the version is; `/etc/sonic/sonic_version.yml` below the root where nothing is said. */
  readonly versionFile?: string
  /** The interfaces of this machine; the system's where nothing is said. */
  readonly interfaces?: () => ReturnType<typeof networkInterfaces>
}

/**
 * On a DPU of a SmartSwitch: the number follows from the address of
 * `eth0-midplane`, the version from `/etc/sonic/sonic_version.yml`. The address
 * comes by DHCP, up to an hour after an upgrade, and the layer is built when it
 * is there; what it waits for is logged.
 */
export const layerSwitch = (options: SwitchOptions = {}): Layer.Layer<DpuIdentity> =>
  Layer.effect(
    DpuIdentity,
    Effect.map(waitForNumber(options.interfaces ?? networkInterfaces), (dpu) => ({
      dpu,
      versions: versions(options.versionFile ?? join(options.root ?? "/", "/etc/sonic/sonic_version.yml"))
    }))
  )

/** In a lab: the number as told, the version from a file of the same format. */
export const layerLab = (
  options: { readonly dpu: DpuNumber; readonly versionFile: string }
): Layer.Layer<DpuIdentity> => Layer.succeed(DpuIdentity, { dpu: options.dpu, versions: versions(options.versionFile) })

/** How often the midplane address is looked for. */
const addressPoll = Schedule.spaced("1 second")

const midplaneInterface = "eth0-midplane"

class NoMidplaneAddress extends Data.TaggedError("NoMidplaneAddress")<{ readonly reason: string }> {}

const waitForNumber = (interfaces: () => ReturnType<typeof networkInterfaces>): Effect.Effect<DpuNumber> =>
  Effect.suspend(() => {
    let said: string | undefined
    return Effect.suspend(() => dpuNumber(interfaces())).pipe(
      Effect.tapError((error) => {
        if (error.reason === said) return Effect.void
        said = error.reason
        return Effect.annotateLogs(Effect.logWarning("waiting for the address on the midplane"), { reason: said })
      }),
      Effect.retry(addressPoll),
      Effect.tap((dpu) =>
        Effect.annotateLogs(Effect.logInfo("this DPU is known by its address"), { dpu: `dpu${dpu}` })
      ),
      // The schedule has no end, so neither has the waiting.
      Effect.orDie
    )
  })

/** Which DPU this is, by the address that it has now. */
export const dpuNumber = (
  interfaces: ReturnType<typeof networkInterfaces>
): Effect.Effect<DpuNumber, NoMidplaneAddress> => {
  const found = interfaces[midplaneInterface]
  if (found === undefined) {
    return new NoMidplaneAddress({ reason: `there is no interface ${midplaneInterface} that is up` })
  }
  const addresses = found.filter((each) => each.family === "IPv4").map((each) => each.address)
  const octet = addresses.map((address) => /^169\.254\.200\.([1-8])$/.exec(address)?.[1]).find((each) =>
    each !== undefined
  )
  if (octet !== undefined) return Effect.succeed(Number(octet) - 1)
  return new NoMidplaneAddress({
    reason: addresses.length === 0
      ? `${midplaneInterface} has no IPv4 address yet`
      : `${midplaneInterface} has ${addresses.join(", ")}; a DPU has one of 169.254.200.1 to 169.254.200.8`
  })
}
