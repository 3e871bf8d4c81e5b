/**
 * What a run's world is like apart from its faults: the catalogue, the numbers of
 * upgrades, and what was on the NPU before. Profiles of some kinds of faults have
 * the built-in ones; those of `all` take the daemon where that never leads.
 */
import * as Schema from "effect/Schema"

import { builtIn, type Catalogue, type CatalogueEntry } from "../model/catalogue.ts"
import { defaults, type Policy } from "../policy/policy.ts"
import { Chance } from "./chance.ts"

/** How versions change. */
export const Upgrades = Schema.Literal(
  /** As rarely as anything else happens, to sound ones. */
  "rare",
  /** Often, to bad ones too, and operators have a hand in it. */
  "frequent",
  /** From one sound version to another, with little else going wrong, so that images grow old and are removed. */
  "calm"
)
export type Upgrades = typeof Upgrades.Type

export const Surroundings = Schema.Struct({
  /** The three services; all but the database without a probe; the database alone; one more, of which no image is to be had. */
  catalogue: Schema.Literal("builtIn", "unprobed", "single", "unobtainable"),
  upgrades: Upgrades,
  /** Somebody has started containers of several versions before the daemon came. */
  mixed: Schema.Boolean,
  /** Milliseconds, as in the policy. */
  probation: Schema.Number,
  pruneAge: Schema.Number
})
export type Surroundings = typeof Surroundings.Type

/** The built-in catalogue and policy, and an NPU of which nobody knows anything. */
export const plain: Surroundings = {
  catalogue: "builtIn",
  upgrades: "rare",
  mixed: false,
  probation: defaults.upgrade.probation,
  pruneAge: defaults.upgrade.pruneAge
}

/** Twice a probation in place of a day, so that hours of simulated time see images grow old. */
export const hasty: Surroundings = { ...plain, upgrades: "calm", pruneAge: 1_200_000 }

/** How many seeds of ten. */
const shares: ReadonlyArray<readonly [Upgrades, number]> = [["rare", 3], ["frequent", 6], ["calm", 1]]

/** The surroundings that a seed draws. */
export const drawSurroundings = (seed: number): Surroundings => {
  const chance = new Chance(seed, 3)
  const catalogue = chance.hits(0.6)
    ? "builtIn"
    : chance.pick(["unprobed", "single", "unobtainable", "unobtainable"] as const)
  const upgrades = chance.weigh(shares)
  if (upgrades === "rare") return { ...plain, catalogue }
  return {
    catalogue,
    upgrades,
    mixed: upgrades === "frequent" && (catalogue === "unobtainable" || chance.hits(0.5)),
    probation: Math.round(chance.logarithmic(60_000, 300_000)),
    pruneAge: Math.round(chance.logarithmic(160_000, 900_000))
  }
}

export const policyOf = ({ probation, pruneAge }: Surroundings): Policy => ({
  ...defaults,
  upgrade: { ...defaults.upgrade, probation, pruneAge }
})

/** A version that no DPU ever has, and of which no folder has an image. */
export const foreignVersion = "20251231.9"

/** Of this repository there is no image anywhere. */
export const unobtainable = "docker-unobtainable"

export const catalogueOf = ({ catalogue }: Surroundings): Catalogue => {
  const [database, ...others] = builtIn.services
  switch (catalogue) {
    case "builtIn":
      return builtIn
    case "unprobed":
      return { ...builtIn, services: [database, ...others.map(unprobed)] }
    case "single":
      return { ...builtIn, services: [database] }
    case "unobtainable":
      return { ...builtIn, services: [database, ...others, { ...database, ...missing }] }
  }
}

const unprobed = (entry: CatalogueEntry): CatalogueEntry => {
  const { probe: _, ...rest } = entry
  return rest
}

const missing = {
  name: "missing",
  image: unobtainable,
  container: "missing{dpu}",
  after: ["database"],
  probe: { kind: "grpc", port: "24000+N" }
} as const
