/**
 * The catalogue: which services are offloaded, as data.
 *
 * An entry holds templates; `resolve` fills in the DPU's number and yields the
 * containers that this DPU owns on its NPU. Nothing outside the result is ever
 * touched.
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"

import { telling } from "./faults.ts"
import { Repository } from "./image.ts"

/** A DPU's number on its switch, 0 to 7. */
export const DpuNumber = Schema.Int.pipe(Schema.between(0, 7))
export type DpuNumber = typeof DpuNumber.Type

/** A port, either fixed (`8080`) or by DPU number (`"6381+N"`). */
export const PortExpression = Schema.Union(
  Schema.Int.pipe(Schema.between(1, 65_535)),
  Schema.String.pipe(
    Schema.pattern(/^[1-9][0-9]{0,4}\+N$/, {
      message: () => "a port number, or a port by DPU number such as \"6381+N\""
    })
  )
)
export type PortExpression = typeof PortExpression.Type

const ServiceName = Schema.String.pipe(
  Schema.pattern(/^[a-z][a-z0-9-]{0,30}$/, {
    message: () => "a service name: a lower-case letter, then letters, digits and \"-\", at most 31 characters"
  })
)

/** `{dpu}` stands for dpu0 … dpu7, `{N}` for the number alone. */
const ContainerTemplate = Schema.String.pipe(
  Schema.pattern(/^(?:[a-zA-Z0-9_.-]|\{dpu\}|\{N\})+$/, {
    message: () => "a container name of letters, digits, \"_\", \".\" and \"-\", with {dpu} or {N} where the DPU goes"
  }),
  Schema.filter((template) =>
    template.includes("{dpu}") || template.includes("{N}")
      ? undefined
      : "the name must hold {dpu} or {N}: eight DPUs share one NPU"
  )
)

export const ProbeKind = Schema.Literal("redis", "tcp", "grpc")
export type ProbeKind = typeof ProbeKind.Type

const ProbeTemplate = Schema.Struct({ kind: ProbeKind, port: PortExpression })

const strings = Schema.Record({ key: Schema.String, value: Schema.String })

export const CatalogueEntry = Schema.Struct({
  name: ServiceName,
  image: Repository,
  container: ContainerTemplate,
  /** Services whose probes must answer before this one is started. */
  after: Schema.optionalWith(Schema.Array(ServiceName), { default: () => [] }),
  /** How readiness is asked across the midplane; without it, Running is enough. */
  probe: Schema.optional(ProbeTemplate),
  ports: Schema.optionalWith(
    Schema.Array(Schema.Struct({ internal: PortExpression, external: PortExpression })),
    { default: () => [] }
  ),
  /** In values `{dpu}`, `{N}` and `{port}` (the probe's port) are filled in. */
  environment: Schema.optionalWith(strings, { default: () => ({}) }),
  volumes: Schema.optionalWith(
    Schema.Array(
      Schema.Struct({
        name: Schema.NonEmptyString,
        mountPoint: Schema.String.pipe(Schema.pattern(/^\//, { message: () => "an absolute path" })),
        readOnly: Schema.optionalWith(Schema.Boolean, { default: () => false })
      })
    ),
    { default: () => [] }
  ),
  labels: Schema.optionalWith(strings, { default: () => ({}) }),
  network: Schema.optionalWith(Schema.NonEmptyString, { default: () => "host" })
})
export type CatalogueEntry = typeof CatalogueEntry.Type

export const Catalogue = Schema.Struct({
  /** Added to every port of every entry; lets a lab or a test move them all. */
  portShift: Schema.optionalWith(Schema.Int.pipe(Schema.between(-65_535, 65_535)), { default: () => 0 }),
  services: Schema.NonEmptyArray(CatalogueEntry)
})
export type Catalogue = typeof Catalogue.Type

/** One container of this DPU, every template filled in. */
export interface ContainerSpec {
  readonly service: string
  /** The instance name on the NPU, for example `databasedpu0`. */
  readonly name: string
  /** The image's repository; the tag is the DPU's version. */
  readonly repository: string
  readonly after: ReadonlyArray<string>
  readonly probe?: { readonly kind: ProbeKind; readonly port: number }
  readonly ports: ReadonlyArray<{ readonly internal: number; readonly external: number }>
  readonly environment: Readonly<Record<string, string>>
  readonly volumes: ReadonlyArray<{ readonly name: string; readonly mountPoint: string; readonly readOnly: boolean }>
  readonly labels: Readonly<Record<string, string>>
  readonly network: string
}

/** A catalogue that cannot be used; each fault names the path it is found at. */
export class CatalogueError extends Data.TaggedError("CatalogueError")<{ readonly faults: ReadonlyArray<string> }> {
  override get message(): string {
    return this.faults.join("; ")
  }
}

/** The three services of a SONiC DPU, in their order. */
export const builtIn: Catalogue = {
  portShift: 0,
  services: [
    {
      name: "database",
      image: "docker-database",
      container: "database{dpu}",
      after: [],
      probe: { kind: "redis", port: "6381+N" },
      ports: [],
      environment: { NAMESPACE_ID: "{dpu}", DPU_ID: "{N}", PORT: "{port}" },
      volumes: [],
      labels: {},
      network: "host"
    },
    {
      name: "gnmi",
      image: "docker-sonic-gnmi",
      container: "gnmi{dpu}",
      after: ["database"],
      probe: { kind: "tcp", port: "50100+N" },
      ports: [],
      environment: { NAMESPACE_ID: "{dpu}", DPU_ID: "{N}", PORT: "{port}" },
      volumes: [],
      labels: {},
      network: "host"
    },
    {
      name: "ha",
      image: "docker-dash-ha",
      container: "dash-ha{dpu}",
      after: ["database"],
      probe: { kind: "tcp", port: "23606+N" },
      ports: [],
      environment: { NAMESPACE_ID: "{dpu}", DPU_ID: "{N}", PORT: "{port}" },
      volumes: [],
      labels: {},
      network: "host"
    }
  ]
}

const decode = Schema.decodeUnknownEither(Catalogue, { errors: "all", onExcessProperty: "error" })

/** Decodes a catalogue from parsed JSON; names every fault with its path. */
export const fromJson = (json: unknown): Either.Either<Catalogue, CatalogueError> =>
  Either.mapLeft(decode(json), (error) =>
    new CatalogueError({
      faults: telling(ParseResult.ArrayFormatter.formatErrorSync(error)).map((issue) =>
        `${issue.path.length === 0 ? "the catalogue" : pathOf(issue.path)}: ${issue.message}`
      )
    }))

/**
 * The containers of one DPU, in an order in which each comes after what it
 * depends on. Refuses duplicate names, unknown or circular `after`, and ports
 * that leave 1 to 65535 or that two containers would share.
 */
export const resolve = (
  catalogue: Catalogue,
  dpu: DpuNumber
): Either.Either<ReadonlyArray<ContainerSpec>, CatalogueError> => {
  const faults: Array<string> = []
  const specs = catalogue.services.map((entry, index) => resolveEntry(entry, index, catalogue.portShift, dpu, faults))
  rejectDuplicates(specs, faults)
  const ordered = orderByDependency(specs, faults)
  return faults.length === 0 ? Either.right(ordered) : Either.left(new CatalogueError({ faults }))
}

const pathOf = (path: ReadonlyArray<PropertyKey>): string =>
  path.map((part, index) => typeof part === "number" ? `[${part}]` : `${index === 0 ? "" : "."}${String(part)}`).join(
    ""
  )

const resolveEntry = (
  entry: CatalogueEntry,
  index: number,
  shift: number,
  dpu: DpuNumber,
  faults: Array<string>
): ContainerSpec => {
  const at = `services[${index}]`
  const port = (expression: PortExpression, where: string): number => {
    const value = (typeof expression === "number" ? expression : Number.parseInt(expression, 10) + dpu) + shift
    if (value < 1 || value > 65_535) faults.push(`${at}.${where}: port ${value} is outside 1 to 65535`)
    return value
  }
  const probe = entry.probe === undefined
    ? undefined
    : { kind: entry.probe.kind, port: port(entry.probe.port, "probe.port") }
  const fill = (text: string): string =>
    text.replaceAll("{dpu}", `dpu${dpu}`).replaceAll("{N}", String(dpu)).replaceAll(
      "{port}",
      probe === undefined ? "" : String(probe.port)
    )
  const fillAll = (record: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(record).map(([key, value]) => [key, fill(value)]))
  return {
    service: entry.name,
    name: fill(entry.container),
    repository: entry.image,
    after: entry.after,
    ...(probe === undefined ? {} : { probe }),
    ports: entry.ports.map((mapping, position) => ({
      internal: port(mapping.internal, `ports[${position}].internal`),
      external: port(mapping.external, `ports[${position}].external`)
    })),
    environment: fillAll(entry.environment),
    volumes: entry.volumes,
    labels: fillAll(entry.labels),
    network: entry.network
  }
}

const rejectDuplicates = (specs: ReadonlyArray<ContainerSpec>, faults: Array<string>): void => {
  const seen = { service: new Map<string, number>(), name: new Map<string, number>(), port: new Map<number, number>() }
  const claim = <K>(map: Map<K, number>, key: K, index: number, what: string): void => {
    const earlier = map.get(key)
    if (earlier === undefined) map.set(key, index)
    else if (earlier !== index) faults.push(`services[${index}]: ${what} is already that of services[${earlier}]`)
  }
  specs.forEach((spec, index) => {
    claim(seen.service, spec.service, index, `the name ${JSON.stringify(spec.service)}`)
    claim(seen.name, spec.name, index, `the container ${JSON.stringify(spec.name)}`)
    if (spec.probe !== undefined) claim(seen.port, spec.probe.port, index, `port ${spec.probe.port}`)
    spec.ports.forEach((mapping) => claim(seen.port, mapping.external, index, `port ${mapping.external}`))
  })
}

const orderByDependency = (
  specs: ReadonlyArray<ContainerSpec>,
  faults: Array<string>
): ReadonlyArray<ContainerSpec> => {
  const known = new Set(specs.map((spec) => spec.service))
  specs.forEach((spec, index) =>
    spec.after.filter((name) => !known.has(name)).forEach((name) =>
      faults.push(`services[${index}].after: there is no service ${JSON.stringify(name)}`)
    )
  )
  const ordered: Array<ContainerSpec> = []
  let remaining = specs
  while (remaining.length > 0) {
    const placed = new Set(ordered.map((spec) => spec.service))
    const ready = remaining.filter((spec) => spec.after.every((name) => placed.has(name) || !known.has(name)))
    if (ready.length === 0) {
      faults.push(`services: ${remaining.map((spec) => spec.service).join(", ")} wait for each other in a circle`)
      return specs
    }
    ordered.push(...ready)
    remaining = remaining.filter((spec) => !ready.includes(spec))
  }
  return ordered
}
