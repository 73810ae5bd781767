#!/usr/bin/env python3
"""Adds up what the tests said, from JUnit files, and prints the last line of `make test`.

    scripts/tally.py FOLDER     every *.xml in it

A step that failed without leaving a file (a build that broke, say) leaves STEP.failed, and counts as one failure.
"""

import pathlib
import sys
import xml.etree.ElementTree as xml


def cases(path):
    for case in xml.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname') or path.stem}.{case.get('name')}"
        if case.find("skipped") is not None or case.get("status") in ("disabled", "notrun"):
            yield name, "skipped"
        elif case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
            yield name, "failed"
        else:
            yield name, "passed"


def main(folder):
    count = {"passed": 0, "failed": 0, "skipped": 0}
    bad = []
    for path in sorted(pathlib.Path(folder).glob("*.xml")):
        here = dict.fromkeys(count, 0)
        try:
            for name, outcome in cases(path):
                here[outcome] += 1
                if outcome == "failed":
                    bad.append(f"{path.stem}: {name}")
        except xml.ParseError as error:
            here["failed"] += 1
            bad.append(f"{path.stem}: unreadable results ({error})")
        print(f"    {path.stem:<28} {here['passed']:>5} passed {here['failed']:>4} failed {here['skipped']:>4} skipped")
        for key, value in here.items():
            count[key] += value
    for path in sorted(pathlib.Path(folder).glob("*.failed")):
        count["failed"] += 1
        bad.append(f"{path.stem}: {path.read_text().strip()}")
    for line in bad[:50]:
        print(f"    FAILED {line}")
    if count["passed"] == 0:
        print("    no test ran")
        count["failed"] = max(count["failed"], 1)
    print(f"{count['passed']} passed, {count['failed']} failed")
    return 1 if count["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
