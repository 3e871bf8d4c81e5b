import { assert, describe, it } from "@effect/vitest"
import * as Either from "effect/Either"
import * as fc from "fast-check"

import { builtIn, type Catalogue, type CatalogueEntry, fromJson, resolve } from "../../../src/model/catalogue.ts"

const entry = (name: string, more: Partial<CatalogueEntry> = {}): CatalogueEntry => ({
  name,
  image: `docker-${name}`,
  container: `${name}{dpu}`,
  after: [],
  ports: [],
  environment: {},
  volumes: [],
  labels: {},
  network: "host",
  ...more
})

const catalogue = (...services: ReadonlyArray<CatalogueEntry>): Catalogue => ({
  portShift: 0,
  services: services as unknown as Catalogue["services"]
})

const faults = (value: Either.Either<unknown, { readonly faults: ReadonlyArray<string>; readonly message: string }>) =>
  Either.match(value, {
    onLeft: (error) => {
      assert.strictEqual(error.message, error.faults.join("; "))
      return error.faults
    },
    onRight: () => []
  })

describe("the built-in catalogue", () => {
  it("has SONiC's names and ports, each DPU its own", () => {
    const all = [0, 1, 2, 3, 4, 5, 6, 7].map((dpu) => Either.getOrThrow(resolve(builtIn, dpu)))
    assert.deepStrictEqual(all[0]!.map((spec) => spec.name), ["databasedpu0", "gnmidpu0", "dash-hadpu0"])
    assert.deepStrictEqual(all[3]!.map((spec) => spec.probe), [
      { kind: "redis", port: 6384 },
      { kind: "tcp", port: 50103 },
      { kind: "tcp", port: 23609 }
    ])
    assert.deepStrictEqual(all[7]![0]!.environment, { NAMESPACE_ID: "dpu7", DPU_ID: "7", PORT: "6388" })
    assert.strictEqual(new Set(all.flat().map((spec) => spec.name)).size, 24)
    assert.strictEqual(new Set(all.flat().map((spec) => spec.probe?.port)).size, 24)
  })

  it("is what its own JSON decodes to", () => {
    assert.deepStrictEqual(Either.getOrThrow(fromJson(JSON.parse(JSON.stringify(builtIn)))), builtIn)
  })
})

describe("a catalogue as JSON", () => {
  it("may leave out what has a default", () => {
    const decoded = Either.getOrThrow(fromJson({ services: [{ name: "a", image: "b", container: "c{N}" }] }))
    assert.deepStrictEqual(decoded, catalogue(entry("a", { image: "b", container: "c{N}" })))
    const volumes = [{ name: "v", mountPoint: "/m" }]
    const mounted = Either.getOrThrow(fromJson({ services: [{ name: "a", image: "b", container: "c{N}", volumes }] }))
    assert.deepStrictEqual(mounted.services[0].volumes, [{ name: "v", mountPoint: "/m", readOnly: false }])
    const [spec] = Either.getOrThrow(resolve(decoded, 4))
    assert.strictEqual(spec!.name, "c4")
    assert.isUndefined(spec!.probe)
  })

  it("is refused with every fault and its place", () => {
    const found = faults(fromJson({
      services: [
        { name: "A", image: "docker:1", container: "x", probe: { kind: "http", port: 0 } },
        {
          name: "b",
          image: "b",
          container: "b{dpu} c",
          ports: [{ internal: "1+M", external: 1 }],
          volumes: [{ name: "v", mountPoint: "x" }],
          typo: 1
        }
      ],
      portShift: 0.5
    }))
    for (
      const [place, words] of [
        ["services[0].name", "a service name"],
        ["services[0].image", "without a tag"],
        ["services[0].container", "must hold {dpu} or {N}"],
        ["services[0].probe.kind", "redis"],
        ["services[0].probe.port", "1"],
        ["services[1].container", "a container name"],
        ["services[1].ports[0].internal", "6381+N"],
        ["services[1].volumes[0].mountPoint", "an absolute path"],
        ["services[1].typo", "unexpected"],
        ["portShift", "integer"]
      ] as const
    ) {
      assert.isTrue(
        found.some((fault) => fault.startsWith(`${place}: `) && fault.includes(words)),
        `${place}: ${found.join("\n")}`
      )
    }
    assert.match(faults(fromJson(null))[0]!, /^the catalogue: Expected /)
    assert.match(faults(fromJson({ services: [] }))[0]!, /^services\[0\]: is missing/)
  })

  it("is decoded or refused, never thrown at, whatever it is", () => {
    fc.assert(fc.property(fc.jsonValue(), (json) => {
      assert.isTrue(Either.isLeft(fromJson(json)) || Either.isLeft(fromJson({ services: [json] })))
    }))
  })
})

describe("resolving a catalogue", () => {
  it("fills every template in", () => {
    const [spec] = Either.getOrThrow(resolve(
      catalogue(entry("a", {
        container: "{dpu}-x-{N}",
        probe: { kind: "tcp", port: "100+N" },
        ports: [{ internal: 80, external: "8000+N" }],
        environment: { A: "{dpu}{dpu}/{N}/{port}", "{N}": "x" },
        labels: { l: "{port}" },
        volumes: [{ name: "v", mountPoint: "/m", readOnly: true }],
        network: "bridge"
      })),
      5
    ))
    assert.deepStrictEqual(spec, {
      service: "a",
      name: "dpu5-x-5",
      repository: "docker-a",
      after: [],
      probe: { kind: "tcp", port: 105 },
      ports: [{ internal: 80, external: 8005 }],
      environment: { A: "dpu5dpu5/5/105", "{N}": "x" },
      volumes: [{ name: "v", mountPoint: "/m", readOnly: true }],
      labels: { l: "105" },
      network: "bridge"
    })
    const [without] = Either.getOrThrow(resolve(catalogue(entry("a", { environment: { P: "[{port}]" } })), 5))
    assert.deepStrictEqual(without!.environment, { P: "[]" })
  })

  it("moves every port by the shift, and refuses those that leave the range", () => {
    const services = [
      entry("a", { probe: { kind: "tcp", port: 100 }, ports: [{ internal: 200, external: "65530+N" }] })
    ] as const
    const shifted = (portShift: number, dpu: 0 | 7 = 0) => resolve({ portShift, services }, dpu)
    const [spec] = Either.getOrThrow(shifted(5))
    assert.deepStrictEqual([spec!.probe, spec!.ports], [{ kind: "tcp", port: 105 }, [{
      internal: 205,
      external: 65535
    }]])
    assert.deepStrictEqual(faults(shifted(-100)), ["services[0].probe.port: port 0 is outside 1 to 65535"])
    assert.deepStrictEqual(faults(shifted(-200)), [
      "services[0].probe.port: port -100 is outside 1 to 65535",
      "services[0].ports[0].internal: port 0 is outside 1 to 65535"
    ])
    assert.deepStrictEqual(faults(shifted(0, 7)), ["services[0].ports[0].external: port 65537 is outside 1 to 65535"])
  })

  it("refuses names and ports that two containers would share", () => {
    const port = { kind: "tcp", port: 7 } as const
    assert.deepStrictEqual(
      faults(resolve(
        catalogue(
          entry("a", { probe: port, ports: [{ internal: 1, external: 7 }] }),
          entry("a", { container: "b{dpu}" }),
          entry("c", { container: "b{dpu}", ports: [{ internal: 7, external: 7 }] })
        ),
        0
      )),
      [
        "services[1]: the name \"a\" is already that of services[0]",
        "services[2]: the container \"bdpu0\" is already that of services[1]",
        "services[2]: port 7 is already that of services[0]"
      ]
    )
  })

  it("refuses what it cannot put in order", () => {
    assert.deepStrictEqual(faults(resolve(catalogue(entry("a", { after: ["z"] })), 0)), [
      "services[0].after: there is no service \"z\""
    ])
    assert.deepStrictEqual(
      faults(resolve(catalogue(entry("a", { after: ["b"] }), entry("b", { after: ["a"] }), entry("c")), 0)),
      ["services: a, b wait for each other in a circle"]
    )
    assert.deepStrictEqual(faults(resolve(catalogue(entry("a", { after: ["a"] })), 0)), [
      "services: a wait for each other in a circle"
    ])
  })

  it("puts each after what it depends on, for every graph without a circle", () => {
    const graph = fc.integer({ min: 1, max: 8 }).chain((size) =>
      fc.tuple(
        fc.array(fc.array(fc.nat(size - 1)), { minLength: size, maxLength: size }),
        fc.shuffledSubarray(Array.from({ length: size }, (_, index) => index), { minLength: size })
      )
    )
    fc.assert(fc.property(graph, fc.integer({ min: 0, max: 7 }), ([edges, order], dpu) => {
      // Only edges to a smaller number, so there is no circle; listed in any order.
      const services = order.map((index) =>
        entry(`s${index}`, {
          after: [...new Set(edges[index]!.filter((other) => other < index))].map((other) => `s${other}`)
        })
      )
      const resolved = Either.getOrThrow(resolve(catalogue(...services), dpu))
      assert.deepStrictEqual(resolved.map((spec) => spec.service).sort(), services.map((each) => each.name).sort())
      resolved.forEach((spec, position) => {
        const before = resolved.slice(0, position).map((each) => each.service)
        spec.after.forEach((name) => assert.include(before, name))
      })
    }))
  })
})
