/** Tables in the "simple" manner of Python's tabulate, which SONiC's commands print. */
import { type Colour, paint } from "./text.ts"

export interface Cell {
  readonly text: string
  readonly colour?: Colour | undefined
}

export interface Column {
  readonly title: string
  /** Numbers stand right. */
  readonly right?: boolean
}

/** A header, dashes, a line for each row; two spaces between columns, none at the end of a line. */
export const table = (
  columns: ReadonlyArray<Column>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  colour: boolean
): string => {
  const widths = columns.map((column, index) =>
    Math.max(width(column.title), ...rows.map((row) => width(row[index]?.text ?? "")))
  )
  const line = (cells: ReadonlyArray<Cell>) =>
    cells.map((cell, index) => {
      const padding = " ".repeat(Math.max(0, (widths[index] ?? 0) - width(cell.text)))
      const text = paint(colour, cell.colour, cell.text)
      if (columns[index]?.right === true) return padding + text
      return index === cells.length - 1 ? text : text + padding
    }).join("  ")
  return [
    line(columns.map((column) => ({ text: column.title }))),
    widths.map((count) => "-".repeat(count)).join("  "),
    ...rows.map(line)
  ].join("\n")
}

const width = (text: string): number => [...text].length
