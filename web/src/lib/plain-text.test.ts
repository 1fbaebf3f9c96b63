import { expect, it } from "vitest";
import { plainText } from "./plain-text";

it("leaves only the words of markdown", () => expect(plainText("# Down\n\n- **db** is *slow*\n- see [log](http://x/y) `now`")).toBe("Down db is slow see log now"));
