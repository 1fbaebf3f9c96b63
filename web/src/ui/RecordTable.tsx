import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { classes } from "./classes";
import { Loaded } from "./Loaded";
import { Pages } from "./Pages";
import { Skeleton } from "./Skeleton";

interface Column<R> {
  title: string;
  /** Of its heading and its cells. */
  className?: string;
  /** A narrow page has no room for it: what it says stands in another cell there. */
  wide?: boolean;
  cell: (record: R) => ReactNode;
}

interface RecordTableProps<D, R> {
  /** One page of the records, and how many there are in all. */
  query: UseQueryResult<D>;
  recordsOf: (data: D) => readonly R[];
  columns: readonly Column<R>[];
  /** What one row is known by in tests. */
  testId: string;
  /** How many lines stand for what is coming, each with the height class of a row. */
  loading: { rows: number; className: string };
  /** What stands there when there are none at all. */
  empty: ReactNode;
  /** From 1. */
  page: number;
  size: number;
  onPage: (page: number) => void;
}

/** Records that come in pages, a row each, in columns with headings. */
export function RecordTable<D extends { total: number }, R extends { id: string }>({ query, recordsOf, columns, testId, loading, empty, page, size, onPage }: RecordTableProps<D, R>) {
  const last = columns.length - 1;
  const lastWhenNarrow = columns.findLastIndex(({ wide }) => !wide);
  const styleOf = ({ wide, className }: Column<R>, at: number) => {
    const sides = at === 0 ? "pl-5" : at === last ? "pr-5 pl-3" : at === lastWhenNarrow ? "pr-5 pl-3 sm:pr-3" : "px-3";
    return classes("py-2.5", sides, wide && "max-sm:hidden", className);
  };
  return (
    <Loaded query={query} loading={<Skeleton {...loading} />} isEmpty={({ total }) => total === 0} empty={() => empty}>
      {(data) => (
        <>
          <table className="w-full text-left">
            <thead className="text-sm text-muted">
              <tr className="border-b border-line">
                {columns.map((column, at) => (
                  <th key={column.title} scope="col" className={classes("font-medium", styleOf(column, at))}>
                    {column.title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody className="divide-y divide-line">
              {recordsOf(data).map((record) => (
                <tr key={record.id} data-testid={testId} className="align-top">
                  {columns.map((column, at) => (
                    <td key={column.title} className={styleOf(column, at)}>
                      {column.cell(record)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
          <Pages page={page} size={size} total={data.total} onPage={onPage} />
        </>
      )}
    </Loaded>
  );
}
