/** A StartContainer request as the container engine's create call takes it. */
import type { ContainerCreateOptions } from "dockerode"
import * as Either from "effect/Either"

import { format } from "../../../src/model/image.ts"
import type { Device, RestartPolicyName, StartContainerRequest } from "../../../src/npu/messages.ts"
import { type Answer, refuse } from "../engine/reply.ts"
import { splitWords } from "../engine/split-words.ts"

/** FAILED_PRECONDITION for a bad policy or an empty user, INVALID_ARGUMENT for quotes left open. */
export const createOptions = (request: StartContainerRequest): Answer<ContainerCreateOptions> => {
  const words = splitWords(request.cmd ?? "")
  if (words === undefined) return refuse("INVALID_ARGUMENT", `cannot parse command ${request.cmd}`)
  const restart = request.restart ?? undefined
  const policy = policies[restart?.policy ?? "NONE"]
  if (policy === undefined) return refuse("FAILED_PRECONDITION", `invalid restart policy ${String(restart?.policy)}`)
  const user = request.runAs ?? undefined
  if (user !== undefined && user.user === "") return refuse("FAILED_PRECONDITION", "run_as without a user")
  const network = request.network === undefined || request.network === "" ? "host" : request.network
  const limits = request.limits ?? undefined
  // On the host's network there is nothing to publish.
  const ports = network === "host" ? [] : request.ports ?? []
  return Either.right({
    ...(request.instanceName === "" ? {} : { name: request.instanceName }),
    Image: format({ repository: request.imageName, tag: request.tag === "" ? "latest" : request.tag }),
    ...(words.length === 0 ? {} : { Cmd: [...words] }),
    Env: Object.entries(request.environment ?? {}).map(([name, value]) => `${name}=${value}`),
    Labels: { ...request.labels },
    ...(user === undefined ? {} : { User: user.group === "" ? user.user : `${user.user}:${user.group}` }),
    ExposedPorts: Object.fromEntries(ports.map((port) => [`${port.internal}/tcp`, {}])),
    HostConfig: {
      NetworkMode: network,
      PortBindings: Object.fromEntries(
        ports.map((port) => [`${port.internal}/tcp`, [{ HostIp: "", HostPort: String(port.external) }]])
      ),
      Binds: (request.volumes ?? []).map((volume) =>
        `${volume.name}:${volume.mountPoint}${volume.readOnly === true ? ":ro" : ""}`
      ),
      CapAdd: [...request.cap?.add ?? []],
      CapDrop: [...request.cap?.remove ?? []],
      RestartPolicy: {
        Name: policy,
        ...(policy === "on-failure" ? { MaximumRetryCount: restart?.attempts ?? 0 } : {})
      },
      Devices: (request.devices ?? []).map(deviceOf),
      ...(positive(limits?.maxCpu) ? { NanoCpus: Math.round(limits.maxCpu * 1e9) } : {}),
      ...(positive(Number(limits?.hardMemBytes)) ? { Memory: Number(limits?.hardMemBytes) } : {}),
      ...(positive(Number(limits?.softMemBytes)) ? { MemoryReservation: Number(limits?.softMemBytes) } : {})
    }
  })
}

const policies: { readonly [Name in RestartPolicyName]: string } & { readonly [name: string]: string | undefined } = {
  NONE: "no",
  ALWAYS: "always",
  UNLESS_STOPPED: "unless-stopped",
  ON_FAILURE: "on-failure"
}

const letters = { UNSPECIFIED: "", READ: "r", WRITE: "w", MKNOD: "m" } as const

const deviceOf = (device: Device) => {
  const permissions = device.permissions.map((permission) => letters[permission]).join("")
  return {
    PathOnHost: device.srcPath,
    PathInContainer: device.dstPath === "" ? device.srcPath : device.dstPath,
    CgroupPermissions: permissions === "" ? "rwm" : permissions
  }
}

const positive = (value: number | undefined): value is number => value !== undefined && value > 0
