"""How long a row waits for its answer in a warm pipe: written alone, answered before the next is written.

python benchmarks/latency.py [ROWS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from nncli.data.bundled import path_of

NNCLI = str(Path(sys.executable).with_name("nncli"))
WARM = 20  # rows that are not counted


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    header, *lines = path_of("digits").read_text().splitlines(keepends=True)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        model = f"{folder}/digits.npz"
        subprocess.run([NNCLI, "train", "digits", "-q", "-o", model], stdout=subprocess.PIPE, check=True)
        command = [NNCLI, "predict", model]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(header.encode())
            process.stdout.read(11)  # the header of the answers
            for i in range(WARM + rows):
                time.sleep(0.005)
                began = time.perf_counter()
                process.stdin.write(lines[i % len(lines)].encode())
                process.stdout.read(2)  # a digit and the end of the line
                found.append((time.perf_counter() - began) * 1000)
            process.stdin.close()
    found = sorted(found[WARM:])
    print(
        f"{rows} rows of 64 numbers, one at a time: median {statistics.median(found):.2f} ms, "
        f"99 % within {found[int(0.99 * rows)]:.2f} ms, longest {found[-1]:.2f} ms"
    )


if __name__ == "__main__":
    main()
