import type { UseQueryResult } from "@tanstack/react-query";
import { fireEvent, render, screen, within } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";
import { RecordTable } from "./RecordTable";

interface Page {
  total: number;
  people: { id: string; name: string; town: string }[];
}

const people = [
  { id: "1", name: "Ada", town: "London" },
  { id: "2", name: "Grace", town: "New York" },
];

function draw(query: { data?: Page; isError?: boolean; error?: unknown; refetch?: () => void }, onPage = vi.fn()) {
  render(
    <RecordTable
      query={{ isError: false, ...query } as UseQueryResult<Page>}
      recordsOf={(page) => page.people}
      columns={[
        { title: "Name", cell: ({ name, town }) => `${name} of ${town}` },
        { title: "Town", wide: true, className: "text-right", cell: ({ town }) => town },
      ]}
      testId="person"
      loading={{ rows: 2, className: "h-11" }}
      empty={<p>Nobody</p>}
      page={2}
      size={2}
      onPage={onPage}
    />,
  );
  return onPage;
}

describe("a table of records", () => {
  it("has a row for each, in columns that leave a narrow page together with their headings", () => {
    const onPage = draw({ data: { total: 5, people } });
    expect(screen.getAllByRole("columnheader").map(({ textContent }) => textContent)).toEqual(["Name", "Town"]);
    const cells = screen.getAllByTestId("person").map((row) => within(row).getAllByRole("cell"));
    expect(cells.map((row) => row.map(({ textContent }) => textContent))).toEqual([
      ["Ada of London", "London"],
      ["Grace of New York", "New York"],
    ]);
    const [name, town] = screen.getAllByRole("columnheader");
    expect(town?.className).toMatch(/max-sm:hidden.*text-right/);
    expect(name?.className).not.toMatch(/hidden/);
    expect(cells[0]?.[1]?.className).toMatch(/max-sm:hidden.*text-right/);

    expect(screen.getByText("3–4 of 5")).toBeTruthy();
    fireEvent.click(screen.getByRole("button", { name: "Next" }));
    expect(onPage).toHaveBeenCalledWith(3);
  });

  it("says that there are none, that they are on their way, and that they could not be fetched", () => {
    draw({ data: { total: 0, people: [] } });
    expect(screen.getByText("Nobody")).toBeTruthy();
    expect(screen.queryByRole("table")).toBeNull();
    draw({});
    expect(screen.getByRole("status", { name: "Loading" }).children).toHaveLength(2);
    const refetch = vi.fn();
    draw({ isError: true, error: new Error("no"), refetch });
    fireEvent.click(within(screen.getByRole("alert")).getByRole("button", { name: "Try again" }));
    expect(refetch).toHaveBeenCalled();
  });
});
