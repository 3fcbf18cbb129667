#!/usr/bin/env python3
"""Runs the tests on each change that cargo-mutants lists, all of which are built at once.

Building the tests takes a minute, running them a second. So each function is given all its changed
bodies, and a variable of the environment says which one runs:

    fn fee(…) -> Money { match crate::mutant() { 7 => { … }, 8 => { … }, _ => { … } } }

A change that the compiler refuses is told by where its error is, and left out. Constants cannot ask
the environment, so their changes are left to cargo-mutants itself. tests/mutants/run calls this.
"""

import bisect
import collections
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import time

SWITCH = """
/// Which change runs; 0 for none.
pub fn mutant() -> u32 {
    static CHOSEN: std::sync::LazyLock<u32> = std::sync::LazyLock::new(|| {
        std::env::var("MUTANT").map_or(0, |number| number.parse().expect("a number"))
    });
    *CHOSEN
}
"""

# Most changes fall to the quick tests; the others take the slow ones, and then all of them.
SLOW = ["simulation", "properties", "histories"]
STAGES = [
    ([word for name in SLOW for word in ("--skip", name)], {}),
    ([], {"PROPTEST_CASES": "64", "WALLET_SIMULATION_SEEDS": "20"}),
    ([], {}),
]
# A change may make a loop endless: so many times the usual time, but at least these seconds.
TIMES_MAX, SECONDS_MIN = 8, 20
# It may also gather without end.
MEMORY_MAX = 4 << 30


def places(text):
    """Turns a line and a column, both from 1, into an offset."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    return lambda place: starts[place["line"] - 1] + place["column"] - 1


def span(text, place):
    at = places(text)
    return at(place["start"]), at(place["end"])


def body(text, begin, end):
    """Where the brace is that opens the body of the function that begins there."""
    at = re.compile(r"\bfn\s+\w+").search(text, begin, end).end()
    depth = 0
    while text[at] != "{" or depth > 0:
        if text.startswith("//", at):
            at = text.index("\n", at)
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(text[at], 0)
        at += 1
    return at


def is_constant(text, mutant):
    """Whether it changes what is computed when the code is compiled."""
    if mutant["function"] is None:
        return True
    begin, end = span(text, mutant["function"]["span"])
    return bool(re.search(r"\bconst\s+(unsafe\s+)?fn\b", text[begin : body(text, begin, end)]))


def woven(text, mutants):
    """The text with all changes, and of each the range of bytes that it takes."""
    functions = collections.defaultdict(list)
    for number, mutant in mutants:
        functions[span(text, mutant["function"]["span"])].append((number, mutant))
    pieces, ranges, done, length = [], [], 0, 0

    def put(piece):
        nonlocal length
        pieces.append(piece)
        length += len(piece.encode())

    for (begin, end), changes in sorted(functions.items()):
        assert begin >= done, "no function is changed inside of another one"
        brace = body(text, begin, end)
        put(text[done:brace] + "{ match crate::mutant() {\n")
        for number, mutant in changes:
            first, last = span(text, mutant["span"])
            put(f"{number} => ")
            start = length
            put(text[brace:first] + mutant["replacement"] + text[last:end])
            ranges.append((start, length, number))
            put("\n")
        put("_ => " + text[brace:end] + "\n} }")
        done = end
    put(text[done:])
    return "".join(pieces), ranges


def build(package, mutants):
    """The test program with all changes that can be compiled, and why the others cannot."""
    library = f"{package}/src/lib.rs"
    originals = {file: pathlib.Path(file).read_text() for file in {library, *files(mutants)}}
    refused = {}
    try:
        while True:
            ranges = {}
            left = [it for it in mutants.items() if it[0] not in refused]
            for file, text in originals.items():
                own = [it for it in left if it[1]["file"] == file]
                text, ranges[file] = woven(text, own)
                pathlib.Path(file).write_text(text + (SWITCH if file == library else ""))
            command = ["cargo", "test", "--package", package, "--lib", "--no-run"]
            command += ["--message-format", "json"]
            done = subprocess.run(command, capture_output=True, text=True)
            messages = [json.loads(line) for line in done.stdout.splitlines() if line[:1] == "{"]
            if done.returncode == 0:
                return [it["executable"] for it in messages if it.get("executable")][-1], refused
            found = blamed(messages, ranges)
            if not found:
                sys.exit(done.stderr + "\nIt does not compile, and no change is to blame.")
            refused |= found
    finally:
        for file, text in originals.items():
            pathlib.Path(file).write_text(text)


def files(mutants):
    return {mutant["file"] for mutant in mutants.values()}


def blamed(messages, ranges):
    """The changes in which the compiler's errors are."""
    found = {}
    for message in (it["message"] for it in messages if it["reason"] == "compiler-message"):
        if message["level"] != "error":
            continue
        for place in message["spans"]:
            own = ranges.get(place["file_name"], [])
            nearest = bisect.bisect(own, (place["byte_start"], float("inf"))) - 1
            if nearest >= 0 and place["byte_start"] < own[nearest][1]:
                found[own[nearest][2]] = message["message"]
    return found


class Tests:
    def __init__(self, program, package, names):
        self.command, self.folder = [program, *names], package

    def run(self, number, stage, seconds_max):
        """What the tests say of a change, which of them fail, and after how many seconds."""
        skip, environment = STAGES[stage]
        began = time.monotonic()
        try:
            done = subprocess.run(
                self.command + skip,
                cwd=self.folder,
                env=os.environ | environment | {"MUTANT": str(number)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=seconds_max,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX)),
            )
        except subprocess.TimeoutExpired:
            return "timeout", [], seconds_max
        failed = re.findall(r"^test (\S+).* \.\.\. FAILED", done.stdout, re.MULTILINE)
        return "missed" if done.returncode == 0 else "caught", failed, time.monotonic() - began


def try_all(package, folder, names):
    listed = json.loads((folder / "mutants.json").read_text())
    mutants = dict(enumerate(listed, 1))
    texts = {file: pathlib.Path(file).read_text() for file in files(mutants)}
    constants = {n for n, it in mutants.items() if is_constant(texts[it["file"]], it)}
    if constants:
        expressions = "|".join(re.escape(mutants[number]["name"]) for number in sorted(constants))
        (folder / "constants.re").write_text(f"^({expressions})$")
    left = {number: it for number, it in mutants.items() if number not in constants}
    program, refused = build(package, left)
    outcomes = {left[number]["name"]: ("unviable", [why]) for number, why in refused.items()}
    left = {number: it for number, it in left.items() if number not in refused}
    tests = Tests(program, package, names)
    for stage in range(len(STAGES)):
        if not left:
            break
        verdict, failed, seconds = tests.run(0, stage, None)
        if verdict != "missed":
            sys.exit(f"Without any change these tests fail: {failed}")
        seconds_max = max(SECONDS_MIN, seconds * TIMES_MAX)
        for number, mutant in list(left.items()):
            verdict, failed, _ = tests.run(number, stage, seconds_max)
            if verdict != "missed":
                outcomes[mutant["name"]] = (verdict, failed)
                del left[number]
        print(f"stage {stage + 1} of {len(STAGES)}: {len(left)} left", flush=True)
    outcomes |= {mutant["name"]: ("missed", []) for mutant in left.values()}
    (folder / "outcomes.json").write_text(json.dumps(outcomes, indent=1))


def report(area, folder):
    outcomes = json.loads((folder / "outcomes.json").read_text())
    constants = folder / "mutants.out" / "outcomes.json"
    if constants.exists():
        words = {"CaughtMutant": "caught", "MissedMutant": "missed", "Timeout": "timeout"}
        for outcome in json.loads(constants.read_text())["outcomes"]:
            if outcome["scenario"] != "Baseline":
                name = outcome["scenario"]["Mutant"]["name"]
                outcomes[name] = (words.get(outcome["summary"], "unviable"), [])
    listed = len(json.loads((folder / "mutants.json").read_text()))
    if len(outcomes) != listed:
        sys.exit(f"{area}: {listed} changes are listed, and {len(outcomes)} were tried")
    count = collections.Counter(verdict for verdict, _ in outcomes.values())
    caught = count["caught"] + count["timeout"]
    viable = max(1, listed - count["unviable"])
    for name, (verdict, _) in sorted(outcomes.items()):
        if verdict == "missed":
            print(f"missed: {name}")
    print(
        f"{area}: {listed} changes, {count['unviable']} do not compile, {caught} caught"
        f" ({count['timeout']} of them by time), {count['missed']} missed:"
        f" {100 * caught / viable:.1f} % caught",
        flush=True,
    )
    return count["missed"] > 0


def main():
    if sys.argv[1] == "--report":
        sys.exit(report(sys.argv[2], pathlib.Path(sys.argv[3])))
    package, folder, *names = sys.argv[1:]
    try_all(package, pathlib.Path(folder), names)


if __name__ == "__main__":
    main()
