import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";
import { Markdown } from "./Markdown";

describe("Markdown", () => {
  it("shows paragraphs, lists, emphasis, code and links", () => {
    render(<Markdown text={"A **b** *c* `d`\n\n- one\n- two [x](https://x.test/y)"} />);
    expect(screen.getByText("b").tagName).toBe("STRONG");
    expect(screen.getByText("c").tagName).toBe("EM");
    expect(screen.getByText("d").tagName).toBe("CODE");
    expect(screen.getAllByRole("listitem")).toHaveLength(2);
    expect(screen.getByRole("link", { name: "x" })).toHaveProperty("href", "https://x.test/y");
  });

  it("shows markup and links that run something as text", () => {
    const { container } = render(<Markdown text={'<img src=x onerror=alert(1)> [go](javascript:alert(1)) [d](data:text/html,x)'} />);
    expect(container.querySelector("img, a, script")).toBeNull();
    expect(container.textContent).toContain("<img src=x onerror=alert(1)>");
    expect(container.textContent).toContain("[go](javascript:alert(1))");
  });
});
