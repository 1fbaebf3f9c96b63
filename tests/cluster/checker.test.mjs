// node --test tests/cluster/checker.test.mjs
import assert from "node:assert/strict";
import { test } from "node:test";
import { check, described } from "./checker.mjs";

/**
 * A history drawn as text, a line an operation: "w1 ---" is the write of version 1, "r0 ---" a read that gives the value of version 0, "!0" one that says "not
 * that of version 0". A write that ends in "x" failed, in "?" it is unknown. Each column is a moment.
 */
function drawn(...lines) {
  const operations = lines.map((line) => {
    const [, kind, version, drawing] = /^([wr!])(\d+)(.*)$/.exec(line);
    const began = line.length - drawing.trimStart().length;
    const ended = line.trimEnd().length;
    const value = `v${version}`;
    const outcome = { "?": "unknown", x: "failed" }[line.trimEnd().at(-1)] ?? "ok";
    if (kind === "w") return { register: "x", kind: "write", version: Number(version), value, began, ended, outcome };
    return { register: "x", kind: "read", process: 1, began, ended, ...(kind === "r" ? { value } : { not: value }) };
  });
  return { registers: { x: "v0" }, operations };
}
const kinds = (...lines) => check(drawn(...lines)).map(({ kind }) => kind);

test("what_was_there_before_is_read_until_a_write_begins", () => {
  assert.deepEqual(kinds("r0 ---"), []);
  assert.deepEqual(kinds("r1 ---"), ["from nowhere"]);
  assert.deepEqual(kinds("r1 ---", "w1      ---"), ["from nowhere"]);
});

test("a_read_that_began_after_a_write_returned_gives_it_or_a_newer_one", () => {
  assert.deepEqual(kinds("w1 ---", "r1      ---"), []);
  assert.deepEqual(kinds("w1 ---", "r0      ---"), ["stale"]);
  assert.deepEqual(kinds("w1 ---", "w2     ---", "r1        ---", "r2        ---"), []);
  assert.deepEqual(kinds("w1 ---", "w2     ---", "r0        ---"), ["stale"]);
});

test("a_read_that_began_before_the_write_returned_may_give_either", () => {
  assert.deepEqual(kinds("w1 -----", "r0   -----", "r1   -----"), []);
  assert.deepEqual(kinds("w1 -----", "r0   -----------"), []);
});

test("the_very_moment_of_the_return_is_not_after_it", () => {
  assert.deepEqual(kinds("w1 ---", "r0   ---"), []);
});

test("a_read_may_give_what_began_to_be_written_while_it_ran", () => {
  assert.deepEqual(kinds("r1 --------", "w1     ---------"), []);
});

test("an_unknown_write_may_have_happened_or_not", () => {
  assert.deepEqual(kinds("w1 ---?", "r0       ---", "r1           ---", "r0               ---"), []);
});

test("an_unknown_write_is_over_when_a_later_one_returned", () => {
  assert.deepEqual(kinds("w1 ---?", "w2        ---", "r2           ---"), []);
  assert.deepEqual(kinds("w1 ---?", "w2        ---", "r1              ---"), ["stale"]);
  assert.deepEqual(kinds("w1 ---?", "w2        ---", "r0              ---"), ["stale"]);
});

test("a_failed_write_did_not_happen", () => {
  assert.deepEqual(kinds("w1 ---x", "r0       ---"), []);
  assert.deepEqual(kinds("w1 ---x", "r1       ---"), ["from nowhere"]);
});

test("who_is_told_what_a_register_does_not_hold_is_told_the_truth", () => {
  assert.deepEqual(kinds("!0 ---"), ["from nowhere"]);
  assert.deepEqual(kinds("!1 ---"), []);
  assert.deepEqual(kinds("w1 ---", "!0      ---"), []);
  assert.deepEqual(kinds("w1 ---", "!1      ---"), ["stale"]);
  assert.deepEqual(kinds("w1 -----", "!0   ---", "!1   ---"), []);
});

test("a_value_that_comes_again_is_as_good_as_the_newest_with_it", () => {
  const history = (value) => ({
    registers: { x: "off" },
    operations: [
      ...["on", "off", "on"].map((each, i) => ({ register: "x", kind: "write", version: i + 1, value: each, began: 10 * i + 1, ended: 10 * i + 2, outcome: "ok" })),
      { register: "x", kind: "read", process: 1, value, began: 40, ended: 41 },
    ],
  });
  assert.deepEqual(check(history("on")), []);
  const [{ kind, seen, newest, ageMs }] = check(history("off"));
  assert.deepEqual([kind, seen.version, newest.version, ageMs], ["stale", 2, 3, 40 - 22]);
});

test("registers_do_not_mix_and_values_may_be_of_any_shape", () => {
  const operations = [
    { register: "a", kind: "write", version: 1, value: ["p", "q"], began: 1, ended: 2, outcome: "ok" },
    { register: "b", kind: "read", process: 1, value: [], began: 3, ended: 4 },
    { register: "a", kind: "read", process: 2, value: ["p", "q"], began: 3, ended: 4 },
    { register: "a", kind: "read", process: 2, value: [], began: 3.5, ended: 4 },
  ];
  const found = check({ registers: { a: [], b: [] }, operations });
  assert.deepEqual(found.map(({ register, kind }) => [register, kind]), [["a", "stale"]]);
  assert.match(described(found[0]), /^stale: a read by 2 .* said \[\], which is of version 0 .* written before was version 1/);
});

test("a_history_that_cannot_be_judged_is_refused", () => {
  assert.throws(() => kinds("w1 ---", "w2   ---"), /began before the one before it was over/);
  assert.throws(() => kinds("w1 ---", "w1       ---"), /written twice/);
  assert.throws(() => check({ registers: {}, operations: drawn("w1 ---").operations }), /holds at first/);
});

test("violations_come_in_the_order_of_the_reads", () => {
  const found = check(drawn("w1 ---", "r0             ---", "r0       ---", "r0                  ---"));
  assert.deepEqual(found.map(({ read }) => read.began), [...found.map(({ read }) => read.began)].sort((a, b) => a - b));
  assert.equal(found.length, 3);
});

/** The law word by word, over every pair: slow, and so plain that it can be seen to be right. */
function slowly({ registers, operations }) {
  return operations.filter((read) => {
    if (read.kind !== "read") return false;
    const writes = operations.filter(({ kind, register }) => kind === "write" && register === read.register);
    const holds = [{ version: 0, value: registers[read.register] }, ...writes.filter(({ outcome, began }) => outcome !== "failed" && began < read.ended)];
    const older = (version) => writes.some((write) => write.outcome === "ok" && write.ended < read.began && write.version > version);
    return !holds.some(({ version, value }) => !older(version) && ("not" in read ? value !== read.not : value === read.value));
  });
}

test("it_finds_what_the_law_word_by_word_finds_in_random_histories", () => {
  let state = 1;
  const draw = (n) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % n;
  };
  let wrong = 0;
  for (let round = 0; round < 2000; round++) {
    const operations = [];
    let now = 1;
    for (let version = 1; version <= 4; version++) {
      const began = now + 1 + draw(5);
      const ended = began + 1 + draw(8);
      now = ended;
      operations.push({ register: "x", kind: "write", version, value: version % 3, began, ended, outcome: ["ok", "ok", "ok", "unknown", "failed"][draw(5)] });
    }
    for (let i = 0; i < 6; i++) {
      const began = draw(50) + 0.5;
      operations.push({ register: "x", kind: "read", process: 1, began, ended: began + draw(10), ...(draw(3) === 0 ? { not: draw(3) } : { value: draw(3) }) });
    }
    const history = { registers: { x: 0 }, operations };
    const found = check(history).map(({ read }) => read);
    assert.deepEqual(new Set(found), new Set(slowly(history)), JSON.stringify(history));
    wrong += found.length;
  }
  assert.ok(wrong > 100);
});
